/* One WebSocket as its client sees it, plain or TLS: connect, opening handshake, read and write without waiting. */
#ifndef WIRE_H
#define WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

/* In the order of Chromium, where AES is in the processor: whoever watches, watches in a browser. */
#define CIPHERS "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* The example of RFC 6455, section 1.3; limit.c knows the answer by heart. */
#define WEBSOCKET_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WEBSOCKET_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { MAX_HEADER = 14 };

struct wire {
    int fd;
#ifdef WITH_TLS
    SSL *tls;
#endif
};

static inline void fail(const char *what) {
    perror(what);
    exit(1);
}

#ifdef WITH_TLS
static inline void start_tls(struct wire *wire) {
    static SSL_CTX *context;
    if (!context) {
        context = SSL_CTX_new(TLS_client_method()); /* verifies nothing: the certificate was made for this run */
        SSL_CTX_set_ciphersuites(context, CIPHERS);
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_read_ahead(context, 1);
    }
    wire->tls = SSL_new(context);
    SSL_set_fd(wire->tls, wire->fd);
    if (SSL_connect(wire->tls) != 1) fail("TLS handshake");
}
#endif

/* Bytes read; 0 where there are none now; -1 at the end of the connection. */
static inline ssize_t wire_read(struct wire *wire, void *data, size_t size) {
#ifdef WITH_TLS
    if (wire->tls) {
        int count = SSL_read(wire->tls, data, (int)size);
        if (count > 0) return count;
        return SSL_get_error(wire->tls, count) == SSL_ERROR_WANT_READ ? 0 : -1;
    }
#endif
    ssize_t count = read(wire->fd, data, size);
    if (count > 0) return count;
    return count < 0 && errno == EAGAIN ? 0 : -1;
}

/* Bytes written; 0 where the socket takes none now; -1 where the connection is broken. */
static inline ssize_t wire_write(struct wire *wire, const void *data, size_t size) {
#ifdef WITH_TLS
    if (wire->tls) {
        int count = SSL_write(wire->tls, data, (int)size);
        if (count > 0) return count;
        int error = SSL_get_error(wire->tls, count);
        return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
    }
#endif
    ssize_t count = send(wire->fd, data, size, MSG_NOSIGNAL);
    if (count >= 0) return count;
    return errno == EAGAIN ? 0 : -1;
}

/* Whether there is something to read that the kernel does not know of. */
static inline int wire_pending(struct wire *wire) {
#ifdef WITH_TLS
    return wire->tls && SSL_has_pending(wire->tls);
#else
    (void)wire;
    return 0;
#endif
}

/* Connect to 127.0.0.1 and do the opening handshake; afterwards the socket does not block.
   What came behind the response's head is put into `rest`, which has room for 4096 bytes; its length is returned.
   `receive_buffer` limits the kernel's buffer where it is not 0. */
static inline size_t wire_open(struct wire *wire, int port, const char *path, int tls, int receive_buffer, char *rest) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(wire, 0, sizeof *wire);
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0) fail("socket");
    int one = 1;
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (receive_buffer) setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (connect(wire->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
#ifdef WITH_TLS
    if (tls) start_tls(wire);
#else
    if (tls) {
        fputs("this load generator was built without TLS\n", stderr);
        exit(2);
    }
#endif
    char head[4097];
    int length = snprintf(head, sizeof head,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: " WEBSOCKET_KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          path, port);
    if (wire_write(wire, head, (size_t)length) != length) fail("opening handshake");
    size_t received = 0;
    char *end = NULL;
    while (!end) {
        ssize_t count = wire_read(wire, head + received, sizeof head - 1 - received);
        if (count <= 0) fail("opening handshake");
        received += (size_t)count;
        head[received] = 0;
        end = strstr(head, "\r\n\r\n");
    }
    if (strncmp(head, "HTTP/1.1 101", 12)) {
        fprintf(stderr, "no WebSocket at %s: %.60s\n", path, head);
        exit(1);
    }
    fcntl(wire->fd, F_SETFL, fcntl(wire->fd, F_GETFL) | O_NONBLOCK);
    size_t behind = received - (size_t)(end + 4 - head);
    memcpy(rest, end + 4, behind);
    return behind;
}

/* A mask as good as a browser's for this purpose: another one for every frame. */
static inline uint32_t random_mask(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* Mask or unmask `size` bytes from `in` to `out`, which may be the same. */
static inline void apply_mask(unsigned char *out, const unsigned char *in, size_t size, uint32_t mask) {
    uint64_t twice = (uint64_t)mask << 32 | mask, word;
    size_t done = 0;
    for (; done + 8 <= size; done += 8) {
        memcpy(&word, in + done, 8);
        word ^= twice;
        memcpy(out + done, &word, 8);
    }
    for (; done < size; done++) out[done] = in[done] ^ ((unsigned char *)&mask)[done & 3];
}

/* Write `size` bytes as one masked frame to `out`, which has room for MAX_HEADER more; its length. */
static inline size_t masked_frame(unsigned char *out, int opcode, const void *payload, size_t size) {
    size_t header = 0;
    out[header++] = (unsigned char)(0x80 | opcode);
    if (size < 126) {
        out[header++] = (unsigned char)(0x80 | size);
    } else {
        int bytes = size < 65536 ? 2 : 8;
        out[header++] = (unsigned char)(0x80 | (bytes == 2 ? 126 : 127));
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out[header++] = (unsigned char)(size >> shift);
    }
    uint32_t mask = random_mask();
    memcpy(out + header, &mask, 4);
    header += 4;
    apply_mask(out + header, payload, size, mask);
    return header + size;
}

/* A frame's head: 0 where it is not complete, else its own size; `*length` is that of the payload behind it. */
static inline size_t frame_head(const unsigned char *data, size_t available, uint64_t *length) {
    if (available < 2) return 0;
    size_t masked = data[1] & 0x80 ? 4 : 0, bytes = 0;
    *length = data[1] & 0x7f;
    if (*length >= 126) {
        bytes = *length == 126 ? 2 : 8;
        if (available < 2 + bytes) return 0;
        *length = 0;
        for (size_t index = 0; index < bytes; index++) *length = *length << 8 | data[2 + index];
    }
    return available < 2 + bytes + masked ? 0 : 2 + bytes + masked;
}

#endif
