// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vsock-exec: run commands in a guest, from its host, over AF_VSOCK.
 *
 *   vsock-exec --listen                       in the guest
 *   vsock-exec --connect CID SECONDS CMD...   on the host
 *
 * The host's program passes its standard input, prints the command's two outputs and exits with
 * its status; 124 says that the time is over, 125 that the guest does not answer. One CMD word is a
 * shell's command line, several are executed as they are. A test machine's tool: whoever reaches
 * the port is root in the guest.
 *
 * On the wire: frames of a type (one byte), a length (32 bits, little-endian) and that many bytes.
 * To the guest: c the command, words ended by NUL; i standard input, empty for its end.
 * To the host: o and e the outputs; x the wait status as four bytes.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 1023
#define PIECE (64 * 1024)
#define MAX_COMMAND (128 * 1024)

struct __attribute__((packed)) head {
	char type;
	uint32_t length;
};

static char piece[PIECE];

static bool read_all(int fd, void *data, size_t length)
{
	while (length) {
		ssize_t n = read(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data = (char *)data + n;
		length -= n;
	}
	return true;
}

static bool write_all(int fd, const void *data, size_t length)
{
	while (length) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data = (const char *)data + n;
		length -= n;
	}
	return true;
}

static bool send_frame(int fd, char type, const void *data, size_t length)
{
	struct head head = { type, htole32(length) };

	return write_all(fd, &head, sizeof(head)) && write_all(fd, data, length);
}

static bool receive_head(int fd, struct head *head)
{
	if (!read_all(fd, head, sizeof(*head)))
		return false;
	head->length = le32toh(head->length);
	return true;
}

/* Pass on what a descriptor has to say; false at its end. */
static bool forward(int from, int to, char type)
{
	ssize_t n = read(from, piece, sizeof(piece));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	if (!send_frame(to, type, piece, n))
		exit(EXIT_FAILURE);
	return true;
}

static void execute(char *command, size_t length)
{
	char *words[512];
	size_t n = 0;

	for (size_t at = 0; at < length && n < 511; at += strlen(command + at) + 1)
		words[n++] = command + at;
	words[n] = NULL;
	if (n == 1)
		execl("/bin/sh", "sh", "-c", words[0], NULL);
	else if (n)
		execvp(words[0], words);
	fprintf(stderr, "vsock-exec: %s: %s\n", n ? words[0] : "(nothing)", strerror(errno));
	_exit(127);
}

/* One connection, in a process of its own. */
static void serve(int socket)
{
	int in[2], out[2], err[2], status, end;
	struct head head;
	char *command;
	pid_t child;

	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);

	if (!receive_head(socket, &head) || head.type != 'c' || head.length > MAX_COMMAND)
		exit(EXIT_FAILURE);
	command = calloc(1, head.length + 1);
	if (!command || !read_all(socket, command, head.length))
		exit(EXIT_FAILURE);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		exit(EXIT_FAILURE);
	child = fork();
	if (child < 0)
		exit(EXIT_FAILURE);
	if (!child) {
		setsid();
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execute(command, head.length);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);

	end = syscall(SYS_pidfd_open, child, 0);
	if (end < 0)
		exit(EXIT_FAILURE);

	struct pollfd fds[] = {
		{ socket, POLLIN, 0 }, { out[0], POLLIN, 0 }, { err[0], POLLIN, 0 },
		{ end, POLLIN, 0 },
	};
	/*
	 * A program that the command leaves behind may hold the outputs open for ever; the command
	 * is over when its process is, once what is in the pipes is read.
	 */
	bool over = false;

	for (;;) {
		int ready = poll(fds, 4, over ? 0 : -1);

		if (ready < 0 && errno != EINTR)
			exit(EXIT_FAILURE);
		if (ready == 0)
			break;
		if (ready < 0)
			continue;
		if (fds[1].revents && !forward(out[0], socket, 'o'))
			fds[1].fd = -1;
		if (fds[2].revents && !forward(err[0], socket, 'e'))
			fds[2].fd = -1;
		if (fds[3].revents) {
			fds[3].fd = -1;
			over = true;
		}
		if (fds[0].revents) {
			if (!receive_head(socket, &head)) {
				/* The host gave up: nothing of the command stays. */
				kill(-child, SIGKILL);
				exit(EXIT_FAILURE);
			}
			if (head.length > PIECE || !read_all(socket, piece, head.length))
				exit(EXIT_FAILURE);
			if (in[1] >= 0 && (!head.length || !write_all(in[1], piece, head.length))) {
				close(in[1]);
				in[1] = -1;
			}
		}
	}
	if (waitpid(child, &status, 0) != child)
		exit(EXIT_FAILURE);
	status = htole32(status);
	send_frame(socket, 'x', &status, sizeof(status));
	/* The peer closes when it has the status; until then nothing may be lost. */
	shutdown(socket, SHUT_WR);
	while (read(socket, piece, sizeof(piece)) > 0)
		;
	exit(EXIT_SUCCESS);
}

static int listen_for_ever(void)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_port = PORT, .svm_cid = VMADDR_CID_ANY,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16)) {
		perror("vsock-exec");
		return EXIT_FAILURE;
	}
	/* In a small guest this is the first process, and nobody else reaps whatever has no parent. */
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (one < 0)
			continue;
		if (!fork()) {
			close(fd);
			serve(one);
		}
		close(one);
	}
}

static void out_of_time(int number)
{
	static const char text[] = "vsock-exec: out of time\n";

	(void)number;
	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(125);
	_exit(124);
}

static int no_answer(const char *what)
{
	fprintf(stderr, "vsock-exec: %s: %s\n", what, strerror(errno));
	return 125;
}

static int call(unsigned int cid, unsigned int seconds, char **words, int n)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_port = PORT, .svm_cid = cid,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *command = NULL;
	size_t length = 0;

	signal(SIGALRM, out_of_time);
	signal(SIGPIPE, SIG_IGN);
	alarm(seconds);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return no_answer("connect");
	for (int i = 0; i < n; i++) {
		size_t add = strlen(words[i]) + 1;

		command = realloc(command, length + add);
		if (!command)
			return no_answer("memory");
		memcpy(command + length, words[i], add);
		length += add;
	}
	if (!send_frame(fd, 'c', command, length))
		return no_answer("send");
	free(command);

	struct pollfd fds[] = { { fd, POLLIN, 0 }, { 0, POLLIN, 0 } };

	for (;;) {
		struct head head;

		if (poll(fds, 2, -1) < 0)
			return no_answer("poll");
		if (fds[1].revents && !forward(0, fd, 'i')) {
			fds[1].fd = -1;
			send_frame(fd, 'i', "", 0);
		}
		if (!fds[0].revents)
			continue;
		errno = ECONNRESET;
		if (!receive_head(fd, &head) || head.length > PIECE ||
		    !read_all(fd, piece, head.length))
			return no_answer("the guest went away");
		if (head.type == 'x') {
			uint32_t raw;

			memcpy(&raw, piece, sizeof(raw));
			raw = le32toh(raw);
			return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
		}
		if (!write_all(head.type == 'e' ? 2 : 1, piece, head.length))
			return EXIT_FAILURE;
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--listen"))
		return listen_for_ever();
	if (argc > 4 && !strcmp(argv[1], "--connect"))
		return call(atoi(argv[2]), atoi(argv[3]), argv + 4, argc - 4);
	fprintf(stderr, "usage: vsock-exec --listen | --connect CID SECONDS COMMAND...\n");
	return 2;
}
