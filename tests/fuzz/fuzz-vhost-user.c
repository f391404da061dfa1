/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU, in the hands of its guest, sends to the broker: through a real socket, with file
 * descriptors, to everything but the kernel module, for which there is a stand-in.
 *
 * An input is a first line that begins with '#', or none, and then packets:
 *
 *     byte    how many file descriptors; FD_KIND what they are; NEED_REPLY; RAW
 *     byte    request, of which a header is made; not with RAW, where the bytes have one or none
 *     u16     how many bytes follow, little-endian
 */
#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "fake_kernel.h"

#define N_FDS 0x0f
#define FD_KIND 0x30
#define NEED_REPLY 0x40
#define RAW 0x80
#define MEMORY_SIZE 65536
#define MAX_PAYLOAD 1024

typedef struct {
    const uint8_t *data;
    size_t size;
} Input;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *
take(Input *input, size_t size)
{
    const uint8_t *taken = input->data;

    size = MIN(size, input->size);
    input->data += size;
    input->size -= size;
    return taken;
}

static gboolean
take_packet(Input *input, guint8 *control, GByteArray *packet)
{
    guint8 request = 0;
    gsize length;

    if (input->size < 4)
        return FALSE;
    *control = *take(input, 1);
    if (!(*control & RAW))
        request = *take(input, 1);
    length = input->data[0] | input->data[1] << 8;
    length = MIN(MIN(length, input->size - 2), MAX_PAYLOAD);
    g_byte_array_set_size(packet, 0);
    if (!(*control & RAW)) {
        const guint32 header[] = {request, 1 | (*control & NEED_REPLY ? 8 : 0), (guint32) length};

        g_byte_array_append(packet, (const guint8 *) header, sizeof(header));
    }
    (void) take(input, 2);
    g_byte_array_append(packet, take(input, length), (guint) length);
    return packet->len > 0;
}

static void
send_packet(int fd, const GByteArray *packet, int passed, guint n_passed)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(N_FDS * sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = packet->data, .iov_len = packet->len};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_passed > 0) {
        struct cmsghdr *cmsg;

        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n_passed * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&message);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(n_passed * sizeof(int));
        for (guint i = 0; i < n_passed; i++)
            memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &passed, sizeof(int));
    }
    (void) !sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
on_closed(Connection *connection G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED, gpointer data)
{
    gboolean *closed = data;

    *closed = TRUE;
}

/* Answers are not looked at, but they have to fit into the socket. */
static void
serve(int fd)
{
    guint8 answer[4096];

    while (g_main_context_iteration(NULL, FALSE))
        continue;
    while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
        continue;
}

static void
run(Input *input, const int kinds[4], FakeKernel *kernel)
{
    const BackendSettings settings = {.name = "fuzz"};
    Backend *backend = backend_new(&settings, fake_kernel_open, kernel);
    g_autoptr(GByteArray) packet = g_byte_array_new();
    gboolean closed = FALSE;
    Connection *connection;
    guint8 control;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
        !backend_open(backend, NULL) || !backend_attach(backend, getpid(), NULL))
        abort();
    connection = connection_new(ends[1], backend, on_closed, &closed);
    while (!closed && take_packet(input, &control, packet)) {
        send_packet(ends[0], packet, kinds[(control & FD_KIND) >> 4], control & N_FDS);
        serve(ends[0]);
    }
    close(ends[0]);
    while (!closed && g_main_context_iteration(NULL, FALSE))
        continue;
    /* The end of the connection is seen whatever came before. */
    if (!closed)
        abort();
    connection_free(connection);
    backend_free(backend);
}

/* New ones get the lowest numbers that are free. */
static guint
count_fds(void)
{
    guint n = 0;

    for (int fd = 0; fd < 64; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input input = {data, size};
    const uint8_t *line = size > 0 && *data == '#' ? memchr(data, '\n', size) : NULL;
    const int kinds[] = {test_memfd(MEMORY_SIZE), eventfd(0, EFD_CLOEXEC),
                         open("/dev/null", O_RDWR | O_CLOEXEC), memfd_create("empty", MFD_CLOEXEC)};
    FakeKernel kernel;
    guint before;

    if (line)
        (void) take(&input, line + 1 - data);
    /* The first time it opens a file of its own. */
    (void) g_main_context_iteration(NULL, FALSE);
    before = count_fds();
    fake_kernel_init(&kernel);
    run(&input, kinds, &kernel);
    if (fake_kernel_is_open(&kernel))
        abort();
    fake_kernel_clear(&kernel);
    /* Nothing that was sent stays open. */
    if (count_fds() != before)
        abort();
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        close(kinds[i]);
    return 0;
}
