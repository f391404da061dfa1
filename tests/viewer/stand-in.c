/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stand-in SOCKET [OUTPUTS [FRAMES]]: a guest, its monitor and its broker in one process, for viewers:
 * it listens on SOCKET, and shows a picture on each of so many outputs (1), anew every 20 ms for so
 * many frames (0: for ever); the last ones stay. Output n is 640 >> n pixels wide.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest-model.h"

#define WIDTH 640u
#define HEIGHT 480u
#define MAX_OUTPUTS 4
#define BUFFERS 3
#define PERIOD_MS 20

typedef struct {
    struct vdmabuf_id ids[MAX_OUTPUTS][BUFFERS];
    guint64 busy[MAX_OUTPUTS][BUFFERS]; /* sequence of its frame; 0: it is free */
    guint64 sent[MAX_OUTPUTS];
    Guest *guest;
    guint outputs;
    guint64 frames;
} StandIn;

static guint64
get_pages(guint output)
{
    guint64 bytes = (guint64) (WIDTH >> output) * (HEIGHT >> output) * 4;

    return (bytes + GUEST_PAGE_SIZE - 1) / GUEST_PAGE_SIZE;
}

static guint64
get_first_page(guint output, guint buffer)
{
    return (output * BUFFERS + buffer) * get_pages(0);
}

static void
draw(StandIn *self, guint output, guint buffer)
{
    guint32 *pixels =
        (gpointer) (self->guest->ram + get_first_page(output, buffer) * GUEST_PAGE_SIZE);
    guint32 width = WIDTH >> output, height = HEIGHT >> output;
    guint32 step = (guint32) self->sent[output];

    for (guint32 y = 0; y < height; y++) {
        for (guint32 x = 0; x < width; x++)
            pixels[y * width + x] = (((x + step) & 0xff) << 16 | (y & 0xff) << 8) + output * 0x40;
    }
}

static void
send_frame(StandIn *self, guint output, guint buffer)
{
    struct virtio_vdmabuf_frame_desc desc;
    guint64 sequence = 0;

    draw(self, output, buffer);
    guest_desc_picture(&desc, WIDTH >> output, HEIGHT >> output, output);
    desc.timestamp_ns = GUINT64_TO_LE((guint64) g_get_monotonic_time() * 1000);
    g_assert_cmpuint(guest_frame(self->guest, &self->ids[output][buffer], &desc, &sequence), ==,
                     VIRTIO_VDMABUF_S_OK);
    self->busy[output][buffer] = sequence;
    self->sent[output]++;
}

static void
collect(StandIn *self)
{
    struct virtio_vdmabuf_event event;

    while (guest_next_event(self->guest, &event, 0)) {
        struct vdmabuf_id id;

        guest_id_from_wire(&id, &event.id);
        for (guint i = 0; i < MAX_OUTPUTS * BUFFERS; i++) {
            if (event.type == VIRTIO_VDMABUF_EVT_RELEASED &&
                guest_id_equal(&self->ids[i / BUFFERS][i % BUFFERS], &id) &&
                self->busy[i / BUFFERS][i % BUFFERS] == event.value)
                self->busy[i / BUFFERS][i % BUFFERS] = 0;
        }
    }
}

static gboolean
on_period(gpointer data)
{
    StandIn *self = data;

    collect(self);
    for (guint output = 0; output < self->outputs; output++) {
        if (self->frames > 0 && self->sent[output] >= self->frames)
            continue;
        for (guint i = 0; i < BUFFERS; i++) {
            if (self->busy[output][i] == 0) {
                send_frame(self, output, i);
                break;
            }
        }
    }
    return G_SOURCE_CONTINUE;
}

/* What a broker does: a consumer for everyone */
static gboolean
on_client(int listener, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
    StandIn *self = data;
    struct vdmabuf_consumer consumer = {.pid = getpid()};
    char answer[] = "vdmabuf 1 ok\n";
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = answer, .iov_len = strlen(answer)};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof(control.space),
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    int client = accept(listener, NULL, NULL);

    g_assert_cmpint(client, >=, 0);
    g_assert_no_errno(ioctl(self->guest->vhost_fd, VHOST_VDMABUF_GET_CONSUMER, &consumer));
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &consumer.fd, sizeof(int));
    if (sendmsg(client, &msg, MSG_NOSIGNAL) < 0)
        g_printerr("stand-in: a client went away\n");
    close(consumer.fd);
    close(client);
    return G_SOURCE_CONTINUE;
}

static int
listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    strcpy(address.sun_path, path);
    unlink(path);
    g_assert_no_errno(bind(fd, (const struct sockaddr *) &address, sizeof(address)));
    g_assert_no_errno(listen(fd, 8));
    return fd;
}

int
main(int argc, char **argv)
{
    const GuestOptions options = {
        .ram_bytes = MAX_OUTPUTS * BUFFERS * get_pages(0) * GUEST_PAGE_SIZE,
    };
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    StandIn self = {.outputs = 1};

    if (argc < 2 || argc > 4) {
        fprintf(stderr, "Usage: %s SOCKET [OUTPUTS [FRAMES]]\n", argv[0]);
        return 1;
    }
    if (argc > 2)
        self.outputs = CLAMP((guint) atoi(argv[2]), 1, MAX_OUTPUTS);
    if (argc > 3)
        self.frames = g_ascii_strtoull(argv[3], NULL, 10);

    self.guest = guest_new(&options);
    for (guint output = 0; output < self.outputs; output++) {
        for (guint i = 0; i < BUFFERS; i++)
            g_assert_cmpuint(guest_register_run(self.guest, get_first_page(output, i),
                                                get_pages(output), &self.ids[output][i]),
                             ==, VIRTIO_VDMABUF_S_OK);
    }
    g_unix_fd_add(listen_on(argv[1]), G_IO_IN, on_client, &self);
    g_timeout_add(PERIOD_MS, on_period, &self);
    g_main_loop_run(loop);
    return 0;
}
