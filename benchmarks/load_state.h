/* The load's connections, its counters, its clock, and how anything is written. */
#ifndef LOAD_STATE_H
#define LOAD_STATE_H

#include "wire.h"
#include <math.h>
#include <sys/epoll.h>
#include <time.h>

enum {
    EVENTS = 512,
    READ_SIZE = 1 << 18,          /* bytes taken from a socket at once */
    INBOX_SIZE = READ_SIZE << 1,  /* the same behind what was left over */
    MAX_PENDING = 1 << 20,        /* bytes a processor lets wait before it leaves out a turn */
    BODY_SIZE = 1 << 17,
    STEPS = 64,                   /* of a power of two in the histogram: 1.6 % */
    FLOOD_PIECE = 256,            /* tiny frames written at once */
};
static const uint64_t SECOND = 1000000000, FIRST_STAMP = 10 * 1000000000ull;

static struct {
    int port, clients, slow, idle, processors, boxes, objects, start_objects, window, tls, sleepy, server;
    double rate, seconds, warm_up, flood, slow_rate;
} options = {.clients = 10, .processors = 1, .boxes = 10, .window = 64, .seconds = 2, .warm_up = 0.5, .slow_rate = 1e5};

enum role { CLIENT, SLOW_CLIENT, PROCESSOR, IDLE, FLOODER };

struct connection {
    struct wire wire;
    enum role role;
    int number, closed, wants_out;
    unsigned char *rest, *out; /* a frame that is not complete; what the socket did not take yet */
    size_t rest_size, rest_capacity, out_begin, out_end, out_capacity;
    uint64_t *newest;          /* of each camera, the stamp that arrived last */
    double due;                /* when to send, or to read, next */
};

static struct connection *connections;
static int connection_count, poller;
static int idle_poller;        /* the idle ones, inside the other: what measures is looked at first */
static uint64_t *received;     /* frames of boxes that each client got, slow ones behind the others */
static uint64_t *last_stamp;   /* of each camera, what it sent last */
static unsigned char **bodies, **references; /* of each camera: what it sends behind `frameId`, and how that arrives */
static size_t *body_sizes, *reference_sizes;
static int *object_ids, objects_accepted;
static uint64_t began, sent, delivered, delivered_bytes, broken, disordered, others, pings, closed, flooded, stalls;
static uint64_t forgiven; /* messages no longer waited for */
static uint64_t histogram[STEPS * 64];
static int measuring;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec - began;
}

/* Delays, in a histogram of buckets 1.6 % wide. */

static void record(uint64_t delay) {
    int power = delay < STEPS ? 5 : 63 - __builtin_clzll(delay);
    histogram[delay < STEPS ? delay : (uint64_t)(power - 5) * STEPS + ((delay >> (power - 6)) & (STEPS - 1))]++;
}

static double microseconds(double share) {
    uint64_t total = 0, below = 0;
    for (int index = 0; index < STEPS * 64; index++) total += histogram[index];
    for (int index = 0; index < STEPS * 64; index++) {
        below += histogram[index];
        if (total && (double)below >= share * (double)total) {
            int power = index / STEPS + 5;
            double value = index < STEPS ? index : ldexp(STEPS + index % STEPS + 0.5, power - 6);
            return value / 1e3;
        }
    }
    return NAN;
}

/* Writing. */

static int poller_of(const struct connection *connection) {
    return connection->role == IDLE ? idle_poller : poller;
}

static void watch(struct connection *connection, int operation) {
    struct epoll_event event = {.data.ptr = connection};
    event.events = (connection->role == SLOW_CLIENT ? 0 : EPOLLIN) | (connection->wants_out ? EPOLLOUT : 0);
    epoll_ctl(poller_of(connection), operation, connection->wire.fd, &event);
}

static void lose(struct connection *connection) {
    if (connection->closed) return;
    connection->closed = 1;
    closed++;
    fprintf(stderr, "connection %d of role %d was closed\n", connection->number, connection->role);
    epoll_ctl(poller_of(connection), EPOLL_CTL_DEL, connection->wire.fd, NULL);
}

static void flush(struct connection *connection) {
    while (!connection->closed && connection->out_begin < connection->out_end) {
        size_t size = connection->out_end - connection->out_begin;
        ssize_t count = wire_write(&connection->wire, connection->out + connection->out_begin, size);
        if (count < 0) lose(connection);
        if (count <= 0) break;
        connection->out_begin += (size_t)count;
    }
    if (connection->out_begin == connection->out_end) connection->out_begin = connection->out_end = 0;
    if (connection->wants_out != (connection->out_end > 0) && !connection->closed) {
        connection->wants_out = !connection->wants_out;
        watch(connection, EPOLL_CTL_MOD);
    }
}

/* Put a frame behind what waits; `flush` sends it. */
static void say(struct connection *connection, int opcode, const void *payload, size_t size) {
    if (connection->out_end + size + MAX_HEADER > connection->out_capacity) {
        connection->out_capacity = 2 * (connection->out_end + size + MAX_HEADER);
        connection->out = realloc(connection->out, connection->out_capacity);
    }
    connection->out_end += masked_frame(connection->out + connection->out_end, opcode, payload, size);
}

#endif
