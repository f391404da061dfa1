/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VdmabufStream and the sockets that it connects to: missing, refused, forbidden, dead, back again. */
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake-consumer.h"

#define WAIT_SECONDS 30
#define NOBODY 65534

typedef struct {
    FakeConsumer consumer;
    VdmabufStream *stream;
    char *directory;
    char *path;
    int listener;
    guint source;
    const char *answer; /* to every client; NULL: none at all */
    guint clients;
    int silent; /* the client that got no answer */
} Fixture;

static gboolean
on_timeout(G_GNUC_UNUSED gpointer data)
{
    g_error("waited in vain");
    return G_SOURCE_REMOVE;
}

static void
wait_for_state(Fixture *self, VdmabufStreamState state)
{
    guint timer = g_timeout_add_seconds(WAIT_SECONDS, on_timeout, NULL);

    while (vdmabuf_stream_get_state(self->stream) != state)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
}

static void
wait_for_clients(Fixture *self, guint clients)
{
    guint timer = g_timeout_add_seconds(WAIT_SECONDS, on_timeout, NULL);

    while (self->clients < clients)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
}

/* --- A broker --- */

static void
send_answer(int client, const char *text, int fd)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (char *) text, .iov_len = strlen(text)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control.space;
        msg.msg_controllen = sizeof(control.space);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
    }
    g_assert_cmpint(sendmsg(client, &msg, MSG_NOSIGNAL), ==, strlen(text));
}

static gboolean
on_client(int fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
    Fixture *self = data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    g_assert_cmpint(client, >=, 0);
    self->clients++;
    if (self->answer == NULL) {
        g_assert_cmpint(self->silent, <, 0);
        self->silent = client;
        return G_SOURCE_CONTINUE;
    }
    if (g_str_has_suffix(self->answer, " ok\n")) {
        fake_consumer_reopen(&self->consumer);
        fake_consumer_state(&self->consumer, VDMABUF_VM_RUNNING | VDMABUF_VM_DRIVER);
        send_answer(client, self->answer, self->consumer.fd);
    } else {
        send_answer(client, self->answer, -1);
    }
    close(client);
    return G_SOURCE_CONTINUE;
}

static void
broker_start(Fixture *self, const char *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    self->answer = answer;
    self->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    g_assert_cmpint(self->listener, >=, 0);
    g_assert_cmpuint(strlen(self->path), <, sizeof(address.sun_path));
    strcpy(address.sun_path, self->path);
    g_assert_no_errno(bind(self->listener, (const struct sockaddr *) &address, sizeof(address)));
    g_assert_no_errno(listen(self->listener, 4));
    self->source = g_unix_fd_add(self->listener, G_IO_IN, on_client, self);
}

static void
broker_stop(Fixture *self, gboolean remove_socket)
{
    if (self->listener < 0)
        return;
    g_source_remove(self->source);
    close(self->listener);
    self->listener = -1;
    if (remove_socket)
        g_unlink(self->path);
}

static void
fixture_set_up(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    fake_consumer_init(&self->consumer);
    self->directory = g_dir_make_tmp("vdmabuf-XXXXXX", &error);
    g_assert_no_error(error);
    self->path = g_build_filename(self->directory, "vdmabuf0.sock", NULL);
    self->listener = -1;
    self->silent = -1;
    self->stream = vdmabuf_stream_new(self->path);
}

static void
fixture_tear_down(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    guint timer = g_timeout_add_seconds(WAIT_SECONDS, on_timeout, NULL);

    if (self->silent >= 0)
        close(self->silent);
    g_object_add_weak_pointer(G_OBJECT(self->stream), (gpointer *) &self->stream);
    g_object_unref(self->stream);
    while (self->stream != NULL)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
    broker_stop(self, TRUE);
    g_unlink(self->path);
    g_rmdir(self->directory);
    g_free(self->path);
    g_free(self->directory);
    fake_consumer_clear(&self->consumer);
}

/* --- Tests --- */

static void
test_comes_and_goes(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_STOPPED);
    vdmabuf_stream_start(self->stream);
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_CONNECTING);
    wait_for_state(self, VDMABUF_STREAM_NO_BROKER);
    g_assert_nonnull(strstr(vdmabuf_stream_get_message(self->stream), self->path));

    for (guint i = 0; i < 3; i++) {
        broker_start(self, "vdmabuf 1 ok\n");
        wait_for_state(self, VDMABUF_STREAM_NO_PRODUCER);
        broker_stop(self, i != 1);
        fake_consumer_end(&self->consumer);
        wait_for_state(self, VDMABUF_STREAM_DEAD);
        /* With a socket that nobody listens on, and without one */
        wait_for_state(self, VDMABUF_STREAM_NO_BROKER);
        g_unlink(self->path);
    }
}

static void
test_forbidden(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    gboolean root = geteuid() == 0;

    g_assert_no_errno(g_chmod(self->directory, root ? 0700 : 0));
    if (root)
        g_assert_no_errno(seteuid(NOBODY));
    vdmabuf_stream_start(self->stream);
    wait_for_state(self, VDMABUF_STREAM_NO_PERMISSION);
    /* Whom it would take */
    g_assert_nonnull(strstr(vdmabuf_stream_get_message(self->stream), "is for its owner alone"));
    if (root)
        g_assert_no_errno(seteuid(0));

    g_assert_no_errno(g_chmod(self->directory, 0700));
    broker_start(self, "vdmabuf 1 ok\n");
    wait_for_state(self, VDMABUF_STREAM_NO_PRODUCER);
}

static void
test_refused(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    broker_start(self, "vdmabuf 1 error All consumers are taken.\n");
    vdmabuf_stream_start(self->stream);
    wait_for_state(self, VDMABUF_STREAM_FAILED);
    g_assert_nonnull(strstr(vdmabuf_stream_get_message(self->stream), "All consumers are taken."));
    self->answer = "vdmabuf 1 ok\n";
    wait_for_state(self, VDMABUF_STREAM_NO_PRODUCER);
    g_assert_cmpuint(self->clients, >=, 2);
}

/* A broker that does not answer keeps nobody but itself waiting. */
static void
test_stop_while_connecting(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    broker_start(self, NULL);
    vdmabuf_stream_start(self->stream);
    wait_for_clients(self, 1);
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_CONNECTING);
    vdmabuf_stream_stop(self->stream);
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_STOPPED);

    /* Started again, the first answer comes too late and is no longer wanted. */
    self->answer = "vdmabuf 1 error Second.\n";
    vdmabuf_stream_start(self->stream);
    wait_for_state(self, VDMABUF_STREAM_FAILED);
    vdmabuf_stream_stop(self->stream);
    send_answer(self->silent, "vdmabuf 1 error First.\n", -1);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_STOPPED);
}

static void
test_hurry(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    vdmabuf_stream_hurry(self->stream);
    g_assert_cmpint(vdmabuf_stream_get_state(self->stream), ==, VDMABUF_STREAM_STOPPED);
    vdmabuf_stream_start(self->stream);
    wait_for_state(self, VDMABUF_STREAM_NO_BROKER);
    broker_start(self, "vdmabuf 1 ok\n");
    /* However often: there is one connection. */
    for (guint i = 0; i < 10; i++)
        vdmabuf_stream_hurry(self->stream);
    wait_for_state(self, VDMABUF_STREAM_NO_PRODUCER);
    vdmabuf_stream_hurry(self->stream);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(self->clients, ==, 1);
}

#define add(path, function)                                                                        \
    g_test_add("/reconnect/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add("comes-and-goes", test_comes_and_goes);
    add("forbidden", test_forbidden);
    add("refused", test_refused);
    add("stop-while-connecting", test_stop_while_connecting);
    add("hurry", test_hurry);
    return g_test_run();
}
