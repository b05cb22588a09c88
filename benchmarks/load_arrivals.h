/* What arrives at the load: frames are taken apart, checked and counted. */
#ifndef LOAD_ARRIVALS_H
#define LOAD_ARRIVALS_H

#include "load_state.h"

/* What stands behind `text`, white space between tokens aside; NULL where something else is there. */
static const unsigned char *after(const unsigned char *at, const unsigned char *end, const char *text) {
    for (; at && *text; text++, at++) {
        while (at < end && *at == ' ') at++;
        if (at >= end || *at != (unsigned char)*text) return NULL;
    }
    while (at && at < end && *at == ' ') at++;
    return at;
}

static const unsigned char *number(const unsigned char *at, const unsigned char *end, uint64_t *value) {
    const unsigned char *first = at;
    for (*value = 0; at && at < end && *at >= '0' && *at <= '9'; at++) *value = *value * 10 + (*at - '0');
    return at == first ? NULL : at;
}

/* The send stamp: seconds with up to nine decimals. */
static const unsigned char *stamp_at(const unsigned char *at, const unsigned char *end, uint64_t *stamp) {
    uint64_t decimals = 0;
    if (!(at = number(at, end, stamp))) return NULL;
    *stamp *= SECOND;
    if (at < end && *at == '.') {
        const unsigned char *first = ++at;
        if (!(at = number(at, end, &decimals)) || at - first > 9) return NULL;
        for (ssize_t digits = at - first; digits < 9; digits++) decimals *= 10;
    }
    *stamp += decimals;
    return at;
}

/* Whether the rest of a message is what its camera sent. How a server writes it is learned from the first frame. */
static int is_whole(int camera, const unsigned char *rest, size_t size) {
    if (references[camera])
        return size == reference_sizes[camera] && !memcmp(rest, references[camera], size);
    const unsigned char *ours = bodies[camera], *our_end = ours + body_sizes[camera], *at = rest, *end = rest + size;
    while (at < end || ours < our_end) {
        if (at < end && *at == ' ')
            at++;
        else if (ours < our_end && *ours == ' ')
            ours++;
        else if (at == end || ours == our_end || *at++ != *ours++)
            return 0;
    }
    references[camera] = memcpy(malloc(size), rest, size);
    reference_sizes[camera] = size;
    return 1;
}

static void take_boxes(struct connection *client, const unsigned char *at, const unsigned char *end, uint64_t time) {
    static const char usual[] = "{\"type\":\"boundingBoxes\",\"cameraId\":\"cam";
    uint64_t camera = 0, stamp = 0;
    if ((size_t)(end - at) > sizeof usual && !memcmp(at, usual, sizeof usual - 1))
        at += sizeof usual - 1;
    else
        at = after(at, end, usual);
    const unsigned char *rest = number(at, end, &camera);
    rest = stamp_at(after(rest, end, "\",\"frameId\":"), end, &stamp);
    if (!rest || camera >= (uint64_t)options.processors || stamp > last_stamp[camera] ||
        !is_whole((int)camera, rest, (size_t)(end - rest))) {
        if (!broken++) fprintf(stderr, "not what was sent: %.*s\n", (int)(end - at < 200 ? end - at : 200), at);
        return;
    }
    if (stamp <= client->newest[camera]) disordered++;
    client->newest[camera] = stamp;
    received[client->number]++;
    if (!measuring || client->role != CLIENT) return;
    delivered++;
    record(time + FIRST_STAMP - stamp);
}

static void take_message(struct connection *connection, const unsigned char *data, size_t size, uint64_t time) {
    int reader = connection->role == CLIENT || connection->role == SLOW_CLIENT;
    if (reader && memmem(data, size < 40 ? size : 40, "boundingBoxes", 13)) {
        take_boxes(connection, data, data + size, time);
        return;
    }
    const char *id = memmem(data, size, "\"objectId\":", 11);
    if (reader && id && memmem(data, size, "accepted", 8) && objects_accepted < options.objects)
        object_ids[objects_accepted++] = atoi(id + 11);
    else if (connection->role != IDLE && connection->role != FLOODER && memmem(data, size, "\"error\"", 7))
        fprintf(stderr, "the server said %.*s\n", (int)(size < 200 ? size : 200), (const char *)data);
    if (connection->role != FLOODER) others++;
}

static size_t take_frames(struct connection *connection, const unsigned char *data, size_t size, uint64_t time) {
    size_t position = 0, head;
    uint64_t length;
    while ((head = frame_head(data + position, size - position, &length)) && size - position - head >= length) {
        const unsigned char *payload = data + position + head;
        switch (data[position]) { /* servers neither mask nor, here, fragment */
        case 0x81: take_message(connection, payload, length, time); break;
        case 0x89:
            say(connection, 0xA, payload, length);
            flush(connection);
            pings += (uint64_t)measuring;
            break;
        case 0x8A: break;
        case 0x88:
            fprintf(stderr, "closed with %d\n", length > 1 ? payload[0] << 8 | payload[1] : 1005);
            break;
        default: broken++;
        }
        if (measuring && connection->role == CLIENT) delivered_bytes += head + length;
        position += head + length;
    }
    return position;
}

static ssize_t take_in(struct connection *connection, size_t at_most) {
    static unsigned char inbox[INBOX_SIZE];
    ssize_t total = 0;
    do {
        size_t size = connection->rest_size;
        if (size) memcpy(inbox, connection->rest, size);
        ssize_t count = wire_read(&connection->wire, inbox + size, at_most);
        if (count < 0) lose(connection);
        if (count <= 0) break;
        total += count;
        size += (size_t)count;
        size_t taken = take_frames(connection, inbox, size, now());
        connection->rest_size = size - taken;
        if (connection->rest_size > READ_SIZE) fail("a frame that long is not expected");
        if (connection->rest_size > connection->rest_capacity) {
            connection->rest_capacity = 2 * connection->rest_size;
            connection->rest = realloc(connection->rest, connection->rest_capacity);
        }
        if (connection->rest_size) memcpy(connection->rest, inbox + taken, connection->rest_size);
    } while (options.tls && (total < READ_SIZE || wire_pending(&connection->wire))); /* TLS comes in small records */
    return total;
}

#endif
