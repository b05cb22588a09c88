/* The load: clients that read and count whole frames, and processors that send boxes as real ones do.

   One thread, one epoll, never asleep: what it measures is the server and not its own waking up. It checks every frame
   that arrives (whole, byte for byte the boxes that its camera sent, in the order they were sent), takes the delay from
   the send stamp that travels as `frameId`, and prints one line of JSON. How busy it was itself is in that line, too.

   Flat out (the default) it keeps `--window` messages under way, counted at the slowest client; with `--rate` each
   processor sends that many a second whatever happens. See `usage` for the rest. */
#define _GNU_SOURCE
#include "load_arrivals.h"
#include "load_sending.h"
#include <getopt.h>

static void attend(const struct epoll_event *event) {
    struct connection *connection = event->data.ptr;
    if (event->events & EPOLLOUT) flush(connection);
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take_in(connection, READ_SIZE);
}

/* One turn: whatever has come, whatever is due; whether there was anything to do. Of the idle connections one has its
   turn, and after all others: what they keep this program from would count as the server's delay. */
static int turn(int sending) {
    struct epoll_event events[EVENTS];
    double time = (double)now();
    int work = 0, idle = 0;
    if (sending) work += options.rate > 0 ? send_paced(time) : send_flat_out();
    int ready = epoll_wait(poller, events, EVENTS, options.sleepy && !work);
    for (int index = 0; index < ready; index++)
        if (events[index].data.ptr)
            attend(&events[index]);
        else
            idle = 1;
    if (idle && epoll_wait(idle_poller, events, 1, 0) > 0) attend(events);
    for (int index = 0; index < options.slow + (options.flood > 0); index++) {
        struct connection *connection = &connections[options.clients + index];
        if (connection->role == FLOODER && sending) work += send_flood(connection, time);
        if (connection->role != SLOW_CLIENT || connection->closed || time < connection->due) continue;
        size_t portion = sending ? (size_t)(options.slow_rate / 50) : READ_SIZE;
        connection->due = time + 2e7 * sending;
        work += take_in(connection, portion < READ_SIZE ? portion : READ_SIZE) > 0;
    }
    return work + ready;
}

static void turn_for(double seconds) {
    for (uint64_t end = now() + (uint64_t)(seconds * 1e9); now() < end;) turn(0);
}

/* The server's process, as the kernel accounts it. */

static double server_cpu_seconds(void) {
    char path[64], text[1024] = "";
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", options.server);
    FILE *file = options.server ? fopen(path, "r") : NULL;
    if (!file) return NAN;
    if (fgets(text, sizeof text, file) && strrchr(text, ')'))
        sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double server_memory_bytes(void) {
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", options.server);
    FILE *file = options.server ? fopen(path, "r") : NULL;
    if (!file) return NAN;
    if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* From the first connection to the line of results. */

static void connect_one(enum role role, int number_of_role) {
    struct connection *connection = &connections[connection_count++];
    char rest[4096];
    int reader = role == CLIENT || role == SLOW_CLIENT;
    connection->role = role;
    connection->number = role == SLOW_CLIENT ? options.clients + number_of_role : number_of_role;
    size_t behind = wire_open(&connection->wire, options.port, reader || role == FLOODER ? "/client" : "/processor",
                              options.tls, role == SLOW_CLIENT ? 65536 : 0, rest);
    if (reader) connection->newest = calloc((size_t)options.processors, sizeof *connection->newest);
    connection->rest = behind ? memcpy(malloc(behind), rest, behind) : NULL;
    connection->rest_size = connection->rest_capacity = behind;
    watch(connection, EPOLL_CTL_ADD);
    if (role == PROCESSOR) {
        char text[64];
        say(connection, 1, text, (size_t)sprintf(text, "{\"type\": \"identifier\", \"id\": \"cam%d\"}", number_of_role));
        flush(connection);
        connection->due = 1e9 / (options.rate > 0 ? options.rate : 1) * number_of_role / options.processors;
    }
}

static void connect_all(void) {
    int readers = options.clients + options.slow, cameras = options.processors;
    poller = epoll_create1(EPOLL_CLOEXEC), idle_poller = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poller, EPOLL_CTL_ADD, idle_poller, &(struct epoll_event){.events = EPOLLIN});
    connections = calloc((size_t)(readers + cameras + options.idle + 1), sizeof *connections);
    received = calloc((size_t)readers + 1, sizeof *received);
    last_stamp = calloc((size_t)cameras, sizeof *last_stamp);
    bodies = calloc((size_t)cameras, sizeof *bodies), references = calloc((size_t)cameras, sizeof *references);
    body_sizes = calloc((size_t)cameras, sizeof *body_sizes);
    reference_sizes = calloc((size_t)cameras, sizeof *reference_sizes);
    object_ids = calloc((size_t)options.objects + 1, sizeof *object_ids);
    for (int index = 0; index < options.clients; index++) connect_one(CLIENT, index);
    for (int index = 0; index < options.slow; index++) connect_one(SLOW_CLIENT, index);
    if (options.flood > 0) connect_one(FLOODER, 0);
    for (int index = 0; index < options.idle; index++) {
        connect_one(IDLE, index);
        while (index % 256 == 255 && turn(0)) /* many take so long that the first are pinged before the last has come */
            ;
    }
    for (int index = 0; index < cameras; index++) connect_one(PROCESSOR, index);
}

/* Have as many objects tracked as boxes are to be marked with, where the server is one that can. */
static void start_objects(void) {
    for (int index = 0; index < options.objects; index++) object_ids[index] = index + 1;
    if (!options.start_objects || !options.clients) return;
    for (int index = 0; index < options.objects; index++) {
        char text[160];
        int size = sprintf(text, "{\"type\":\"start\",\"cameraId\":\"cam0\",\"image\":\"x\",\"requestId\":\"%d\"}", index);
        say(&connections[0], 1, text, (size_t)size);
    }
    flush(&connections[0]);
    for (uint64_t end = now() + 5 * SECOND; objects_accepted < options.objects && now() < end;) turn(0);
    if (objects_accepted < options.objects) {
        fputs("the server did not start the objects\n", stderr);
        exit(1);
    }
}

/* Frames that never came: (client, camera) pairs whose newest frame has not arrived. */
static uint64_t stale_pairs(void) {
    uint64_t stale = 0;
    for (int index = 0; index < options.clients + options.slow; index++)
        for (int camera = 0; camera < options.processors; camera++)
            stale += connections[index].newest[camera] != last_stamp[camera];
    return stale;
}

static void wait_for_the_rest(void) {
    uint64_t begin = now(), quiet_since = begin;
    while (now() - quiet_since < 3 * SECOND && now() - begin < 10 * SECOND) {
        if (turn(0))
            quiet_since = now();
        else if (!stale_pairs())
            return;
    }
}

static const struct option LONG_OPTIONS[] = {
    {"port", 1, 0, 'p'},       {"clients", 1, 0, 'c'},   {"processors", 1, 0, 's'}, {"boxes", 1, 0, 'b'},
    {"objects", 1, 0, 'o'},    {"start-objects", 0, 0, 'O'}, {"window", 1, 0, 'w'}, {"rate", 1, 0, 'r'},
    {"seconds", 1, 0, 'd'},    {"warm-up", 1, 0, 'W'},   {"idle", 1, 0, 'i'},       {"slow", 1, 0, 'l'},
    {"slow-rate", 1, 0, 'L'},  {"flood", 1, 0, 'f'},     {"tls", 0, 0, 't'},        {"sleepy", 0, 0, 'y'},
    {"server", 1, 0, 'S'},     {0, 0, 0, 0},
};

static int usage(void) {
    fputs("load --port PORT [options]: loads a server on 127.0.0.1 and prints one line of JSON\n"
          "  --clients N        that read and count (10)\n"
          "  --processors N     that send boxes (1)\n"
          "  --boxes N          in a message (10); --objects K of them carry the id of an object (0), which\n"
          "  --start-objects    starts first, as a client would; without it the ids are 1 to K\n"
          "  --window N         messages under way at once (64), or\n"
          "  --rate R           messages a second from each processor\n"
          "  --seconds S        to measure (2), after --warm-up S (0.5)\n"
          "  --slow N           more clients that read only --slow-rate bytes a second (100000)\n"
          "  --idle N           more processors that say nothing and answer pings\n"
          "  --flood R          one more client that sends so many tiny frames a second\n"
          "  --tls              no certificate is checked\n"
          "  --server PID       whose processor time and memory to report\n"
          "  --sleepy           sleep where there is nothing to do, for a machine of one core\n",
          stderr);
    return 2;
}

static int read_options(int count, char **arguments) {
    for (int option; (option = getopt_long(count, arguments, "", LONG_OPTIONS, NULL)) != -1;) switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'c': options.clients = atoi(optarg); break;
        case 's': options.processors = atoi(optarg); break;
        case 'b': options.boxes = atoi(optarg); break;
        case 'o': options.objects = atoi(optarg); break;
        case 'O': options.start_objects = 1; break;
        case 'w': options.window = atoi(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'd': options.seconds = atof(optarg); break;
        case 'W': options.warm_up = atof(optarg); break;
        case 'i': options.idle = atoi(optarg); break;
        case 'l': options.slow = atoi(optarg); break;
        case 'L': options.slow_rate = atof(optarg); break;
        case 'f': options.flood = atof(optarg); break;
        case 't': options.tls = 1; break;
        case 'y': options.sleepy = 1; break;
        case 'S': options.server = atoi(optarg); break;
        default: return 0;
        }
    return options.port > 0 && options.processors > 0 && options.boxes > 0 && options.boxes <= 500 &&
           options.objects <= options.boxes && options.seconds > 0;
}

static void show(const char *name, double value, const char *behind) {
    if (isnan(value))
        printf("\"%s\": null%s", name, behind);
    else
        printf("\"%s\": %.10g%s", name, value, behind);
}

/* What one measurement found besides the counters. */
struct measured {
    double seconds, cpu, busy, sent, memory, memory_connected, connect_seconds;
};

static struct measured measure(void) {
    uint64_t begin = now() + (uint64_t)(options.warm_up * 1e9), end = begin + (uint64_t)(options.seconds * 1e9);
    uint64_t time = now(), idle = 0, sent_before = 0;
    double cpu = NAN;
    while (time < end) {
        if (!measuring && time >= begin) {
            measuring = 1;
            begin = time;
            sent_before = sent;
            cpu = server_cpu_seconds();
        }
        int work = turn(1);
        uint64_t then = now();
        if (measuring && !work) idle += then - time;
        time = then;
    }
    measuring = 0;
    double seconds = (double)(time - begin) / 1e9;
    struct measured found = {.seconds = seconds, .busy = 1 - (double)idle / 1e9 / seconds};
    found.cpu = (server_cpu_seconds() - cpu) / seconds;
    found.sent = (double)(sent - sent_before);
    return found;
}

static void print_line(const struct measured *found) {
    uint64_t missing = 0, left_out = 0;
    for (int index = 0; index < options.clients; index++) missing += sent - received[index];
    for (int index = 0; index < options.slow; index++) left_out += sent - received[options.clients + index];
    printf("{");
    show("deliveries_per_second", (double)delivered / found->seconds, ", ");
    show("sent_per_second", found->sent / found->seconds, ", ");
    show("bytes_per_second", (double)delivered_bytes / found->seconds, ", ");
    show("p50_us", microseconds(0.5), ", ");
    show("p99_us", microseconds(0.99), ", ");
    show("max_us", microseconds(1), ", ");
    show("server_cpu", found->cpu, ", ");
    show("server_memory", found->memory, ", ");
    show("server_memory_connected", found->memory_connected, ", ");
    show("connect_seconds", found->connect_seconds, ", ");
    show("load_busy", found->busy, ", ");
    show("idle", options.idle, ", ");
    show("flood_per_second", (double)flooded / found->seconds, ", ");
    show("broken", (double)broken, ", ");
    show("disordered", (double)disordered, ", ");
    show("missing", (double)missing, ", ");
    show("left_out_for_slow", (double)left_out, ", ");
    show("stale", (double)stale_pairs(), ", ");
    show("stalls", (double)stalls, ", ");
    show("other_messages", (double)others, ", ");
    show("pings", (double)pings, ", ");
    show("closed", (double)closed, "}\n");
}

int main(int count, char **arguments) {
    if (!read_options(count, arguments)) return usage();
    began = now();
    double memory = server_memory_bytes();
    connect_all();
    double connect_seconds = (double)now() / 1e9;
    turn_for(0.2);
    double memory_connected = server_memory_bytes();
    start_objects();
    for (int camera = 0; camera < options.processors; camera++) make_body(camera);
    for (int index = 0; index < connection_count; index++) connections[index].due += (double)now();
    struct measured found = measure();
    wait_for_the_rest();
    found.memory = memory, found.memory_connected = memory_connected, found.connect_seconds = connect_seconds;
    print_line(&found);
    return 0;
}
