/* What the load sends: boxes flat out or at a rate, and the flood. */
#ifndef LOAD_SENDING_H
#define LOAD_SENDING_H

#include "load_state.h"

static void make_body(int camera) {
    char *text = malloc(BODY_SIZE), *out = text + sprintf(text, ", \"boxes\": [");
    for (int box = 0; box < options.boxes; box++) {
        unsigned mix = 2654435761u * (unsigned)(camera * options.boxes + box + 1), rect[4];
        for (int side = 0; side < 4; side++) rect[side] = 10000 + (mix >> (4 * side)) % 90000;
        /* Digits that every JSON library writes back as they are. */
        out += sprintf(out, "%s{\"boxId\": %d, \"rect\": [0.%u7, 0.%u3, 0.%u9, 0.%u1], ", box ? ", " : "",
                       camera * options.boxes + box, rect[0], rect[1], rect[2], rect[3]);
        out += sprintf(out, "\"objectType\": \"person\", \"certainty\": 0.87654321");
        if (box < options.objects) out += sprintf(out, ", \"objectId\": %d", object_ids[box]);
        *out++ = '}';
    }
    out += sprintf(out, "]}");
    bodies[camera] = (unsigned char *)text;
    body_sizes[camera] = (size_t)(out - text);
}

static void send_boxes(struct connection *processor) {
    static char message[BODY_SIZE + 128];
    int camera = processor->number;
    uint64_t stamp = now() + FIRST_STAMP;
    if (stamp <= last_stamp[camera]) stamp = last_stamp[camera] + 1;
    last_stamp[camera] = stamp;
    size_t size = (size_t)sprintf(message, "{\"type\": \"boundingBoxes\", \"frameId\": %llu.%09llu",
                                  (unsigned long long)(stamp / SECOND), (unsigned long long)(stamp % SECOND));
    memcpy(message + size, bodies[camera], body_sizes[camera]);
    say(processor, 1, message, size + body_sizes[camera]);
    sent++;
}

static uint64_t slowest(void) {
    uint64_t least = options.clients ? UINT64_MAX : sent;
    for (int client = 0; client < options.clients; client++)
        if (received[client] < least) least = received[client];
    return least;
}

static int send_flat_out(void) {
    static int turn;
    static uint64_t floor_, floor_at;
    uint64_t time = now(), least = slowest();
    if (least != floor_ || !floor_at) floor_ = least, floor_at = time;
    if (sent - forgiven - least >= (uint64_t)options.window && time - floor_at > 5 * SECOND) {
        stalls++; /* something was left out: it will not come any more */
        forgiven = sent - least;
        floor_at = time;
    }
    int64_t room = (int64_t)options.window - (int64_t)(sent - forgiven - least);
    int first = connection_count - options.processors, count = 0;
    for (; count < room; count++) {
        send_boxes(&connections[first + turn]);
        turn = (turn + 1) % options.processors;
    }
    for (int index = 0; count && index < options.processors; index++)
        if (connections[first + index].out_end) flush(&connections[first + index]);
    return count;
}

static int send_paced(double time) {
    int count = 0;
    for (int index = connection_count - options.processors; index < connection_count; index++) {
        struct connection *processor = &connections[index];
        if (time < processor->due) continue;
        processor->due += 1e9 / options.rate;
        if (processor->due < time - 1e8) processor->due = time; /* a camera does not catch up on what it missed */
        if (processor->out_end - processor->out_begin > MAX_PENDING) continue;
        send_boxes(processor);
        flush(processor);
        count++;
    }
    return count;
}

static int send_flood(struct connection *flooder, double time) {
    if (flooder->out_end > MAX_PENDING / 16 || time < flooder->due) return 0;
    flooder->due += FLOOD_PIECE * 1e9 / options.flood;
    if (flooder->due < time - 1e8) flooder->due = time; /* it was not let: no need to catch up */
    for (int index = 0; index < FLOOD_PIECE; index++) say(flooder, 1, "{\"type\":\"x\"}", 12);
    flush(flooder);
    if (measuring) flooded += FLOOD_PIECE;
    return 1;
}

#endif
