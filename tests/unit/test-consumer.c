/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vdmabuf_consumer_connect() against brokers of every kind, and events of a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vdmabuf.h"

#define MAX_FDS 20

/* What a broker answers, and what the caller must make of it */
typedef struct {
    const char *name;
    const char *text;
    gsize size; /* 0: all of @text up to its NUL */
    guint nr_fds;
    int code; /* -1: it connects */
    const char *words;
} Answer;

static const Answer answers[] = {
    {"ok", "vdmabuf 1 ok\n", 0, 1, -1, NULL},
    {"error", "vdmabuf 1 error uid 99 may not.\n", 0, 0, VDMABUF_ERROR_FAILED, "uid 99 may not."},
    {"error-utf8", "vdmabuf 1 error schön\n", 0, 0, VDMABUF_ERROR_FAILED, "schön"},
    {"error-with-fd", "vdmabuf 1 error no\n", 0, 1, VDMABUF_ERROR_PROTOCOL, "1 descriptors"},
    {"error-empty", "vdmabuf 1 error \n", 0, 0, VDMABUF_ERROR_PROTOCOL, NULL},
    {"error-no-end", "vdmabuf 1 error no", 0, 0, VDMABUF_ERROR_PROTOCOL, NULL},
    {"error-escape", "vdmabuf 1 error \033[2Jno\n", 0, 0, VDMABUF_ERROR_PROTOCOL, NULL},
    {"error-two-lines", "vdmabuf 1 error one\ntwo\n", 0, 0, VDMABUF_ERROR_PROTOCOL, NULL},
    {"error-not-utf8", "vdmabuf 1 error \xff\n", 0, 0, VDMABUF_ERROR_PROTOCOL, NULL},
    {"error-nul", "vdmabuf 1 error a\0b\n", 20, 0, VDMABUF_ERROR_PROTOCOL, NULL},
    {"ok-no-fd", "vdmabuf 1 ok\n", 0, 0, VDMABUF_ERROR_PROTOCOL, "0 descriptors"},
    {"ok-two-fds", "vdmabuf 1 ok\n", 0, 2, VDMABUF_ERROR_PROTOCOL, "2 descriptors"},
    {"ok-many-fds", "vdmabuf 1 ok\n", 0, MAX_FDS, VDMABUF_ERROR_PROTOCOL, "and more"},
    {"ok-nul", "vdmabuf 1 ok\n", 14, 1, VDMABUF_ERROR_PROTOCOL, NULL},
    {"ok-and-more", "vdmabuf 1 ok\n!", 0, 1, VDMABUF_ERROR_PROTOCOL, NULL},
    {"ok-no-end", "vdmabuf 1 ok", 0, 1, VDMABUF_ERROR_PROTOCOL, NULL},
    {"other-version", "vdmabuf 2 ok\n", 0, 1, VDMABUF_ERROR_PROTOCOL, "version 1"},
    {"garbage", "\xff\xfe garbage", 0, 0, VDMABUF_ERROR_PROTOCOL, NULL},
    {"garbage-with-fd", "\n", 0, 1, VDMABUF_ERROR_PROTOCOL, NULL},
    {"nothing", NULL, 0, 0, VDMABUF_ERROR_PROTOCOL, "without an answer"},
};

/* A good beginning, but longer than any answer may be */
#define OVERSIZED 4096

typedef struct {
    char *directory;
    char *path;
    int listener;
    GThread *thread;
    const Answer *answer;
    gboolean oversized;
    pthread_t client;
    guint signals; /* to send to the client before the answer */
    int write_end; /* of the pipe whose other end the client gets */
} Broker;

static guint
count_descriptors(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint count = 0;

    while (g_dir_read_name(dir) != NULL)
        count++;
    return count;
}

static int
broker_listen(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    strcpy(address.sun_path, path);
    g_assert_no_errno(bind(fd, (const struct sockaddr *) &address, sizeof(address)));
    g_assert_no_errno(listen(fd, 1));
    return fd;
}

static void
broker_init(Broker *self, int type)
{
    g_autoptr(GError) error = NULL;

    *self = (Broker) {.listener = -1, .write_end = -1, .client = pthread_self()};
    self->directory = g_dir_make_tmp("vdmabuf-XXXXXX", &error);
    g_assert_no_error(error);
    self->path = g_build_filename(self->directory, "vdmabuf0.sock", NULL);
    self->listener = broker_listen(self->path, type);
}

static void
broker_clear(Broker *self)
{
    if (self->thread != NULL)
        g_thread_join(self->thread);
    if (self->listener >= 0)
        close(self->listener);
    if (self->write_end >= 0)
        close(self->write_end);
    g_unlink(self->path);
    g_rmdir(self->directory);
    g_free(self->path);
    g_free(self->directory);
}

static void
broker_send(int fd, const char *text, gsize size, const int *fds, guint nr_fds)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (char *) text, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (nr_fds > 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control.space;
        msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, nr_fds * sizeof(int));
    }
    g_assert_cmpint(sendmsg(fd, &msg, MSG_NOSIGNAL), ==, (gssize) size);
}

static void
broker_answer(Broker *self, int fd)
{
    const Answer *answer = self->answer;
    int fds[MAX_FDS];
    int ends[2];

    if (answer->text == NULL)
        return;

    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    self->write_end = ends[1];
    for (guint i = 0; i < answer->nr_fds; i++)
        fds[i] = ends[0];

    if (self->oversized) {
        g_autofree char *text = g_malloc(OVERSIZED);

        memset(text, 'x', OVERSIZED);
        memcpy(text, answer->text, strlen(answer->text));
        text[OVERSIZED - 1] = '\n';
        broker_send(fd, text, OVERSIZED, fds, answer->nr_fds);
    } else {
        broker_send(fd, answer->text, answer->size > 0 ? answer->size : strlen(answer->text), fds,
                    answer->nr_fds);
    }
    close(ends[0]);
}

static gpointer
broker_run(gpointer data)
{
    Broker *self = data;
    int fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    /* The client waits meanwhile; that it does is what these are for */
    for (guint i = 0; i < self->signals; i++) {
        pthread_kill(self->client, SIGUSR1);
        g_usleep(5000);
    }
    broker_answer(self, fd);
    close(fd);
    return NULL;
}

static VdmabufConsumer *
broker_connect(Broker *self, GError **error)
{
    VdmabufConsumer *consumer;

    self->thread = g_thread_new("broker", broker_run, self);
    consumer = vdmabuf_consumer_connect(self->path, error);
    g_thread_join(g_steal_pointer(&self->thread));
    return consumer;
}

static void
check_event_comes(Broker *broker, VdmabufConsumer *consumer)
{
    const struct vdmabuf_event sent = {
        .type = VDMABUF_EVENT_FRAME,
        .id = {.vmm_pid = 1, .counter = 2, .random = 3},
        .sequence = 4,
    };
    g_autoptr(GError) error = NULL;
    struct vdmabuf_event event;

    g_assert_false(vdmabuf_consumer_next_event(consumer, 0, &event, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT);
    g_clear_error(&error);

    g_assert_cmpint(write(broker->write_end, &sent, sizeof(sent)), ==, sizeof(sent));
    g_assert_true(vdmabuf_consumer_next_event(consumer, -1, &event, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(&event, sizeof(event), &sent, sizeof(sent));

    close(broker->write_end);
    broker->write_end = -1;
    g_assert_false(vdmabuf_consumer_next_event(consumer, -1, &event, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_CLOSED);
}

static void
test_answer(gconstpointer data)
{
    guint before = count_descriptors();
    g_autoptr(GError) error = NULL;
    VdmabufConsumer *consumer;
    Broker broker;

    broker_init(&broker, SOCK_SEQPACKET);
    broker.answer = data;
    consumer = broker_connect(&broker, &error);

    if (broker.answer->code < 0) {
        g_assert_no_error(error);
        g_assert_nonnull(consumer);
        g_assert_cmpint(fcntl(vdmabuf_consumer_get_fd(consumer), F_GETFD) & FD_CLOEXEC, !=, 0);
        check_event_comes(&broker, consumer);
    } else {
        g_assert_null(consumer);
        g_assert_error(error, VDMABUF_ERROR, broker.answer->code);
        g_assert_nonnull(strstr(error->message, broker.path));
        if (broker.answer->words != NULL)
            g_assert_nonnull(strstr(error->message, broker.answer->words));
    }

    vdmabuf_consumer_free(consumer);
    broker_clear(&broker);
    g_assert_cmpuint(count_descriptors(), ==, before);
}

static void
check_oversized(const char *text, guint nr_fds)
{
    const Answer answer = {.text = text, .nr_fds = nr_fds};
    guint before = count_descriptors();
    g_autoptr(GError) error = NULL;
    Broker broker;

    broker_init(&broker, SOCK_SEQPACKET);
    broker.answer = &answer;
    broker.oversized = TRUE;
    g_assert_null(broker_connect(&broker, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL);
    broker_clear(&broker);
    g_assert_cmpuint(count_descriptors(), ==, before);
}

static void
test_oversized(void)
{
    check_oversized("vdmabuf 1 ok\n", 1);
    check_oversized("vdmabuf 1 error ", 0);
}

static void
on_signal(int signal_number G_GNUC_UNUSED)
{
}

/* The answer is late, and signals come before it. */
static void
test_slow(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    g_autoptr(VdmabufConsumer) consumer = NULL;
    g_autoptr(GError) error = NULL;
    Broker broker;

    sigaction(SIGUSR1, &action, NULL);
    broker_init(&broker, SOCK_SEQPACKET);
    broker.answer = &answers[0];
    broker.signals = 40;
    consumer = broker_connect(&broker, &error);
    g_assert_no_error(error);
    g_assert_nonnull(consumer);
    broker_clear(&broker);
}

/* Nobody accepts, and once the queue is full nobody can connect: both end. */
static void
test_timeout(void)
{
    gint64 start = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    Broker broker;

    broker_init(&broker, SOCK_SEQPACKET);
    g_assert_null(vdmabuf_consumer_connect(broker.path, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT);
    g_assert_cmpint(g_get_monotonic_time() - start, >=, 9 * G_TIME_SPAN_SECOND);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 15 * G_TIME_SPAN_SECOND);
    broker_clear(&broker);
}

static void
check_refused(const char *path, int code, const char *words)
{
    guint before = count_descriptors();
    g_autoptr(GError) error = NULL;

    g_assert_null(vdmabuf_consumer_connect(path, &error));
    g_assert_error(error, VDMABUF_ERROR, code);
    g_assert_nonnull(strstr(error->message, path));
    g_assert_nonnull(strstr(error->message, words));
    g_assert_cmpuint(count_descriptors(), ==, before);
}

static void
test_refused(void)
{
    g_autofree char *longest = g_strnfill(200, 'x');
    g_autofree char *missing = NULL;
    Broker broker;

    broker_init(&broker, SOCK_STREAM);
    check_refused(broker.path, VDMABUF_ERROR_PROTOCOL, "not the consumer socket");

    missing = g_build_filename(broker.directory, "vdmabuf9.sock", NULL);
    check_refused(missing, VDMABUF_ERROR_NO_DEVICE, "does not exist");

    close(broker.listener);
    broker.listener = -1;
    check_refused(broker.path, VDMABUF_ERROR_NO_DEVICE, "vhost-user-vdmabuf");
    check_refused(longest, VDMABUF_ERROR_INVALID, "too long");
    broker_clear(&broker);
}

/* Less than an event at once is of another library or kernel. */
static void
test_short_event(void)
{
    g_autoptr(VdmabufConsumer) consumer = NULL;
    g_autoptr(GError) error = NULL;
    struct vdmabuf_event event;
    int ends[2];

    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    consumer = vdmabuf_consumer_new_for_fd(ends[0]);
    g_assert_cmpint(write(ends[1], "short", 5), ==, 5);
    g_assert_false(vdmabuf_consumer_next_event(consumer, 1000, &event, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL);
    close(ends[1]);
}

/* A wait ends on time, not before it, also when signals come. */
static void
test_event_timeout(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    g_autoptr(VdmabufConsumer) consumer = NULL;
    g_autoptr(GError) error = NULL;
    struct vdmabuf_event event;
    timer_t timer;
    struct sigevent notify = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    const struct itimerspec every = {{0, 10000000}, {0, 10000000}};
    gint64 start = g_get_monotonic_time();
    int ends[2];

    sigaction(SIGUSR1, &action, NULL);
    g_assert_no_errno(timer_create(CLOCK_MONOTONIC, &notify, &timer));
    g_assert_no_errno(timer_settime(timer, 0, &every, NULL));
    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    consumer = vdmabuf_consumer_new_for_fd(ends[0]);

    g_assert_false(vdmabuf_consumer_next_event(consumer, 200, &event, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_TIMED_OUT);
    g_assert_cmpint(g_get_monotonic_time() - start, >=, 200 * G_TIME_SPAN_MILLISECOND);
    timer_delete(timer);
    close(ends[1]);
}

/* A descriptor that is not the module's fails at its first use, in words. */
static void
test_not_a_consumer(void)
{
    g_autoptr(VdmabufConsumer) consumer = NULL;
    g_autoptr(GError) error = NULL;
    struct vdmabuf_status status;
    struct vdmabuf_id id = {0};
    int ends[2];

    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    consumer = vdmabuf_consumer_new_for_fd(ends[0]);
    g_assert_false(vdmabuf_consumer_get_status(consumer, &status, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL);
    g_clear_error(&error);
    g_assert_cmpint(vdmabuf_consumer_import(consumer, &id, FALSE, NULL, &error), ==, -1);
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL);
    g_clear_error(&error);
    g_assert_false(vdmabuf_consumer_release(consumer, &id, 1, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_PROTOCOL);
    close(ends[1]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autofree char *path = g_strdup_printf("/consumer/answer/%s", answers[i].name);

        g_test_add_data_func(path, &answers[i], test_answer);
    }
    g_test_add_func("/consumer/oversized", test_oversized);
    g_test_add_func("/consumer/slow", test_slow);
    g_test_add_func("/consumer/refused", test_refused);
    g_test_add_func("/consumer/short-event", test_short_event);
    g_test_add_func("/consumer/event-timeout", test_event_timeout);
    g_test_add_func("/consumer/not-a-consumer", test_not_a_consumer);
    if (g_test_slow())
        g_test_add_func("/consumer/timeout", test_timeout);
    return g_test_run();
}
