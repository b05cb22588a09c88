/* The least work that a relay of one thread can do: what no server can beat by much, to measure servers against.

   It unmasks what processors send, puts the camera's id in place of the head, frames it once, joins what one pass of
   epoll brought and writes that once to each client. It checks nothing, parses nothing, forgets nobody who is slow
   (its buffers grow without bound) and knows nothing but this load: it is a yardstick and no server.

   limit PORT */
#define _GNU_SOURCE
#include "wire.h"
#include <sys/epoll.h>

enum { MAX_CLIENTS = 20000, READ_SIZE = 1 << 18, TICK_SIZE = 1 << 26, EVENTS = 512, ID_SIZE = 64 };

struct peer {
    int fd, open, place; /* place: among the clients, -1 where it is none */
    unsigned char *in, *out;
    size_t in_size, out_begin, out_end, out_capacity;
    char id[ID_SIZE];
};

static struct peer *clients[MAX_CLIENTS];
static int client_count, poller;
static unsigned char *tick;
static size_t tick_size;

static void watch(struct peer *peer, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = peer};
    epoll_ctl(poller, operation, peer->fd, &event);
}

static void welcome(int listener) {
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct peer *peer = calloc(1, sizeof *peer);
    peer->fd = fd;
    peer->place = -1;
    peer->in = malloc(READ_SIZE + 1);
    watch(peer, EPOLL_CTL_ADD, EPOLLIN);
}

static void forget(struct peer *peer) {
    if (peer->place >= 0) {
        clients[peer->place] = clients[--client_count];
        clients[peer->place]->place = peer->place;
    }
    close(peer->fd);
    free(peer->in);
    free(peer->out);
    free(peer);
}

static void shake_hands(struct peer *peer) {
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: " WEBSOCKET_ACCEPT "\r\n\r\n";
    peer->in[peer->in_size] = 0;
    if (!strstr((char *)peer->in, "\r\n\r\n")) return;
    peer->open = 1;
    peer->in_size = 0;
    if (write(peer->fd, answer, sizeof answer - 1) < 0) return;
    if (!strncmp((char *)peer->in, "GET /client", 11) && client_count < MAX_CLIENTS) {
        peer->place = client_count;
        clients[client_count++] = peer;
    }
}

static void take_message(struct peer *peer, const unsigned char *message, size_t size) {
    const unsigned char *frame_id = memmem(message, size, "\"frameId\"", 9);
    if (!frame_id) { /* {"type": "identifier", "id": "cam0"} */
        const unsigned char *id = memmem(message, size, "\"id\": \"", 7);
        if (id) sscanf((const char *)id + 7, "%63[^\"]", peer->id);
        return;
    }
    char head[128 + ID_SIZE];
    size_t rest = size - (size_t)(frame_id - message);
    size_t begin = (size_t)sprintf(head, "{\"type\":\"boundingBoxes\",\"cameraId\":\"%s\",", peer->id), whole = begin + rest;
    if (tick_size + whole + 4 > TICK_SIZE || whole >= 65536) return;
    unsigned char *out = tick + tick_size;
    *out++ = 0x81;
    if (whole < 126) {
        *out++ = (unsigned char)whole;
    } else {
        *out++ = 126;
        *out++ = (unsigned char)(whole >> 8);
        *out++ = (unsigned char)whole;
    }
    memcpy(out, head, begin);
    memcpy(out + begin, frame_id, rest);
    tick_size = (size_t)(out + whole - tick);
}

static void take_frames(struct peer *peer) {
    size_t position = 0, head;
    uint64_t length;
    while ((head = frame_head(peer->in + position, peer->in_size - position, &length)) &&
           peer->in_size - position - head >= length) {
        unsigned char *payload = peer->in + position + head;
        if (peer->place < 0 && (peer->in[position] & 0x0f) == 1) {
            uint32_t mask;
            memcpy(&mask, payload - 4, 4);
            apply_mask(payload, payload, length, mask);
            take_message(peer, payload, length);
        }
        position += head + length;
    }
    peer->in_size -= position;
    if (position) memmove(peer->in, peer->in + position, peer->in_size);
}

static void read_peer(struct peer *peer) {
    ssize_t count = read(peer->fd, peer->in + peer->in_size, READ_SIZE - peer->in_size);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        forget(peer);
        return;
    }
    peer->in_size += (size_t)count;
    if (peer->open)
        take_frames(peer);
    else
        shake_hands(peer);
}

static void write_rest(struct peer *peer) {
    ssize_t count = write(peer->fd, peer->out + peer->out_begin, peer->out_end - peer->out_begin);
    if (count > 0) peer->out_begin += (size_t)count;
    if (peer->out_begin == peer->out_end) {
        peer->out_begin = peer->out_end = 0;
        watch(peer, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static void hand_over(struct peer *peer) {
    size_t taken = 0;
    if (!peer->out_end) {
        ssize_t count = write(peer->fd, tick, tick_size);
        taken = count > 0 ? (size_t)count : 0;
        if (taken == tick_size) return;
        watch(peer, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    size_t rest = tick_size - taken;
    if (peer->out_end + rest > peer->out_capacity) {
        peer->out_capacity = 2 * (peer->out_end + rest);
        peer->out = realloc(peer->out, peer->out_capacity);
    }
    memcpy(peer->out + peer->out_end, tick + taken, rest);
    peer->out_end += rest;
}

int main(int count, char **arguments) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)(count > 1 ? atoi(arguments[1]) : 0));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) fail("listen");
    poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    tick = malloc(TICK_SIZE);
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        tick_size = 0;
        for (int index = 0; index < ready; index++) {
            struct peer *peer = events[index].data.ptr;
            if (!peer) {
                welcome(listener);
                continue;
            }
            if (events[index].events & EPOLLOUT) write_rest(peer);
            if (events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_peer(peer);
        }
        for (int index = 0; tick_size && index < client_count; index++) hand_over(clients[index]);
    }
}
