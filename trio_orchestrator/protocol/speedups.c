/* What `usual.py` does, compiled: the functions that run for every byte that cameras send and clients get.

   Of what is usual the two files have ideas of their own, but what both take both read alike. Here any white space is,
   and in boxes all but deep nesting, long numbers, a name with escapes, an id or a certainty that is negative, and more
   than 256 boxes with an id.

   They read what strangers wrote, so they are built on one rule. Python puts a NUL behind the bytes of every `bytes`
   object. The scanner looks at one byte at a time and steps over none but one that it expects there, and it never
   expects a NUL: at the latest in front of that last one it stops. What it finds it writes into `struct sightings`,
   whose end it looks at first. All else that is written are new objects of Python's.

   Each `behind_...` function takes the place where something is to begin and gives the place behind it; NULL where
   something else begins there, or the same in an unusual spelling. That is no error: msgspec looks at it then. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef const unsigned char *place;

/* ---- WebSocket frames (RFC 6455, section 5.2) ---- */

/* The first byte of a frame; the mask's bit in the second, and what else is in it where the length comes behind it. */
enum { WHOLE_TEXT = 0x81, MASKED = 0x80, TWO_BYTES_OF_LENGTH = 126, EIGHT_BYTES_OF_LENGTH = 127 };

/* The least lengths that are written so. */
enum { LEAST_LENGTH = 126, LEAST_LONG_LENGTH = 1 << 16 };

/* The masking key; the heads of the frames that are read, and of the longest that are written. */
enum { KEY_BYTES = 4, HEAD_BYTES = 8, LONGEST_HEAD_BYTES = 10 };

/* Unmask `length` bytes into `text`; whether all of them are ASCII. Eight at a time, and then the rest. */
static int unmask(place masked, place key, unsigned char *text, Py_ssize_t length) {
    uint64_t keys, all = 0;
    memcpy(&keys, key, KEY_BYTES);
    memcpy((char *)&keys + KEY_BYTES, key, KEY_BYTES);
    Py_ssize_t index = 0;
    for (uint64_t eight; index + 8 <= length; index += 8) {
        memcpy(&eight, masked + index, 8);
        eight ^= keys;
        all |= eight;
        memcpy(text + index, &eight, 8);
    }
    for (; index < length; index++) all |= text[index] = masked[index] ^ key[index % KEY_BYTES];
    return !(all & 0x8080808080808080);
}

/* How long the text is whose frame begins at `head`, with `size` bytes from there on; 0 where that cannot be usual. */
static Py_ssize_t length_at(place head, Py_ssize_t size, Py_ssize_t longest) {
    if (size < HEAD_BYTES || head[0] != WHOLE_TEXT || head[1] != (MASKED | TWO_BYTES_OF_LENGTH)) return 0;
    Py_ssize_t length = head[2] << 8 | head[3];
    return length < LEAST_LENGTH || length > longest || length > size - HEAD_BYTES ? 0 : length;
}

/* The text of that length behind `head`. NULL where it is not ASCII, as whether it is UTF-8 is for others to say; and,
   with an exception set, where there is no memory. */
static PyObject *text_at(place head, Py_ssize_t length) {
    PyObject *text = PyBytes_FromStringAndSize(NULL, length);
    if (!text) return NULL;
    if (unmask(head + HEAD_BYTES, head + HEAD_BYTES - KEY_BYTES, (unsigned char *)PyBytes_AS_STRING(text), length))
        return text;
    Py_DECREF(text);
    return NULL;
}

static PyObject *usual_text(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (count != 2 || !PyBytes_Check(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "usual_text takes bytes and a length");
    Py_ssize_t longest = PyLong_AsSsize_t(arguments[1]);
    if (longest == -1 && PyErr_Occurred()) return NULL;
    place head = (place)PyBytes_AS_STRING(arguments[0]);
    Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]), length = length_at(head, size, longest);
    if (!length || HEAD_BYTES + length != size) Py_RETURN_NONE;
    PyObject *text = text_at(head, length);
    return text || PyErr_Occurred() ? text : Py_NewRef(Py_None);
}

static PyObject *usual_texts(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (count != 3 || !PyBytes_Check(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "usual_texts takes bytes, a position and a length");
    Py_ssize_t position = PyLong_AsSsize_t(arguments[1]);
    if (position == -1 && PyErr_Occurred()) return NULL;
    Py_ssize_t longest = PyLong_AsSsize_t(arguments[2]);
    if (longest == -1 && PyErr_Occurred()) return NULL;
    Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]);
    if (position < 0 || position > size) return PyErr_Format(PyExc_ValueError, "there is no such position");
    place begin = (place)PyBytes_AS_STRING(arguments[0]);
    PyObject *texts = PyList_New(0), *text;
    Py_ssize_t length;
    while (texts && (length = length_at(begin + position, size - position, longest)) &&
           (text = text_at(begin + position, length))) {
        int result = PyList_Append(texts, text);
        Py_DECREF(text);
        if (result < 0) break;
        position += HEAD_BYTES + length;
    }
    if (!PyErr_Occurred()) return Py_BuildValue("Nn", texts, position);
    Py_XDECREF(texts);
    return NULL;
}

/* Parts of a text as one frame, without a mask as it is a server's. */
static PyObject *text_frame(PyObject *module, PyObject *const *parts, Py_ssize_t count) {
    (void)module;
    Py_ssize_t length = 0;
    for (Py_ssize_t index = 0; index < count; index++) {
        if (!PyBytes_Check(parts[index])) return PyErr_Format(PyExc_TypeError, "text_frame takes bytes");
        Py_ssize_t size = PyBytes_GET_SIZE(parts[index]);
        if (size > PY_SSIZE_T_MAX - LONGEST_HEAD_BYTES - length) return PyErr_NoMemory();
        length += size;
    }
    int is_short = length < LEAST_LENGTH, is_long = length >= LEAST_LONG_LENGTH;
    int length_bytes = is_short ? 0 : is_long ? 8 : 2;
    PyObject *frame = PyBytes_FromStringAndSize(NULL, 2 + length_bytes + length);
    if (!frame) return NULL;
    unsigned char *at = (unsigned char *)PyBytes_AS_STRING(frame);
    *at++ = WHOLE_TEXT;
    *at++ = is_short ? (unsigned char)length : is_long ? EIGHT_BYTES_OF_LENGTH : TWO_BYTES_OF_LENGTH;
    while (length_bytes--) *at++ = (unsigned char)((uint64_t)length >> 8 * length_bytes);
    for (Py_ssize_t index = 0; index < count; index++) {
        memcpy(at, PyBytes_AS_STRING(parts[index]), PyBytes_GET_SIZE(parts[index]));
        at += PyBytes_GET_SIZE(parts[index]);
    }
    return frame;
}

/* ---- JSON (RFC 8259) ---- */

enum { DEEPEST = 8, MOST_NUMBER_CHARACTERS = 40, MOST_EXPONENT_DIGITS = 2, MOST_ID_DIGITS = 18 };

static place behind_space(place at) {
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
    return at;
}

/* A punctuation mark, and the white space on both of its sides. */
static place behind_mark(place at, unsigned char mark) {
    at = behind_space(at);
    return *at == mark ? behind_space(at + 1) : NULL;
}

static place behind_word(place at, const char *word) {
    for (; *word; word++, at++)
        if (*at != (unsigned char)*word) return NULL;
    return at;
}

/* A member's name, in quotes, and its colon. */
static place behind_key(place at, const char *name) {
    at = behind_word(at, name);
    return at ? behind_mark(at, ':') : NULL;
}

static int is_digit(unsigned char byte) { return byte >= '0' && byte <= '9'; }

static place behind_digits(place at) {
    if (!is_digit(*at)) return NULL;
    while (is_digit(*at)) at++;
    return at;
}

/* A number that a double can hold: the longer ones could be out of its range. */
static place behind_number(place at) {
    place begin = at;
    if (*at == '-') at++;
    if (!(at = *at == '0' ? at + 1 : behind_digits(at))) return NULL;
    if (*at == '.' && !(at = behind_digits(at + 1))) return NULL;
    if (at - begin > MOST_NUMBER_CHARACTERS) return NULL;
    if (*at != 'e' && *at != 'E') return at;
    at++;
    if (*at == '+' || *at == '-') at++;
    place exponent = at;
    return (at = behind_digits(at)) && at - exponent <= MOST_EXPONENT_DIGITS ? at : NULL;
}

static int is_hexadecimal(unsigned char byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* The rest of an escape, behind its backslash. Half of a surrogate pair is unusual. */
static place behind_escape(place at) {
    if (*at != 'u') return *at && strchr("\"\\/bfnrt", *at) ? at + 1 : NULL;
    if ((at[1] == 'd' || at[1] == 'D') && at[2] > '7') return NULL;
    for (int digit = 1; digit <= 4; digit++)
        if (!is_hexadecimal(at[digit])) return NULL;
    return at + 5;
}

/* Characters of a string that stand for themselves. */
static place behind_plain(place at) {
    static const char is_plain[256] = {[' ' ... '!'] = 1, ['#' ... '['] = 1, [']' ... 255] = 1};
    while (is_plain[*at]) at++;
    return at;
}

static place behind_string(place at) {
    if (*at != '"') return NULL;
    for (at = behind_plain(at + 1); *at == '\\'; at = behind_plain(at))
        if (!(at = behind_escape(at + 1))) return NULL;
    return *at == '"' ? at + 1 : NULL;
}

/* A string without escapes: as it is written, so it is called. */
static place behind_name(place at) {
    if (*at != '"') return NULL;
    at = behind_plain(at + 1);
    return *at == '"' ? at + 1 : NULL;
}

static place behind_value(place at, int depth);

/* Values with commas between them, from behind the opening bracket or brace to behind the closing one; in an object
   there is a name before each. */
static place behind_members(place at, int is_object, int depth) {
    unsigned char end = is_object ? '}' : ']';
    at = behind_space(at);
    if (*at == end) return at + 1;
    for (;;) {
        if (is_object && (!(at = behind_string(at)) || !(at = behind_mark(at, ':')))) return NULL;
        if (!(at = behind_value(at, depth))) return NULL;
        at = behind_space(at);
        if (*at == end) return at + 1;
        if (!(at = behind_mark(at, ','))) return NULL;
    }
}

static place behind_value(place at, int depth) {
    switch (*at) {
    case '"': return behind_string(at);
    case '[': return depth < DEEPEST ? behind_members(at + 1, 0, depth + 1) : NULL;
    case '{': return depth < DEEPEST ? behind_members(at + 1, 1, depth + 1) : NULL;
    case 't': return behind_word(at, "true");
    case 'f': return behind_word(at, "false");
    case 'n': return behind_word(at, "null");
    default: return behind_number(at);
    }
}

/* ---- Boxes (contract, `boundingBoxes`) ---- */

/* What one box says of an object: where these members have their values, NULL where there is none. */
struct said {
    place object_id, certainty;
};

/* An integer that fits into 64 bits, or null. */
static place behind_object_id(place at, struct said *said) {
    said->object_id = *at == 'n' ? NULL : at;
    if (*at == 'n') return behind_word(at, "null");
    if (*at == '0') return at + 1;
    place begin = at;
    return (at = behind_digits(at)) && at - begin <= MOST_ID_DIGITS ? at : NULL;
}

/* A number that is not negative, or null. */
static place behind_certainty(place at, struct said *said) {
    said->certainty = *at == 'n' ? NULL : at;
    if (*at == 'n') return behind_word(at, "null");
    return *at == '-' ? NULL : behind_number(at);
}

static int is_named(place begin, place end, const char *name) {
    size_t size = strlen(name);
    return (size_t)(end - begin) == size && !memcmp(begin, name, size);
}

static place behind_member_of_box(place at, struct said *said) {
    place name = at, name_end = behind_name(at);
    if (!name_end || !(at = behind_mark(name_end, ':'))) return NULL;
    if (is_named(name, name_end, "\"objectId\"")) return behind_object_id(at, said);
    if (is_named(name, name_end, "\"certainty\"")) return behind_certainty(at, said);
    return behind_value(at, 0);
}

static place behind_box(place at, struct said *said) {
    if (*at != '{') return NULL;
    at = behind_space(at + 1);
    if (*at == '}') return at + 1;
    for (;;) {
        if (!(at = behind_member_of_box(at, said))) return NULL;
        at = behind_space(at);
        if (*at == '}') return at + 1;
        if (!(at = behind_mark(at, ','))) return NULL;
    }
}

enum { MOST_SIGHTINGS = 256 };

/* What those boxes say that say anything of an object. */
struct sightings {
    int count;
    struct said said[MOST_SIGHTINGS];
};

static place behind_boxes(place at, struct sightings *sightings) {
    if (*at != '[') return NULL;
    at = behind_space(at + 1);
    if (*at == ']') return at + 1;
    for (;;) {
        struct said said = {NULL, NULL};
        if (!(at = behind_box(at, &said))) return NULL;
        if (said.object_id && sightings->count == MOST_SIGHTINGS) return NULL;
        if (said.object_id) sightings->said[sightings->count++] = said;
        at = behind_space(at);
        if (*at == ']') return at + 1;
        if (!(at = behind_mark(at, ','))) return NULL;
    }
}

/* The whole message; `members` gets where its two values begin and end. */
struct members {
    place frame_id, frame_id_end, boxes, boxes_end;
};

static place behind_message(place at, struct members *members, struct sightings *sightings) {
    if (!(at = behind_mark(at, '{')) || !(at = behind_key(at, "\"type\""))) return NULL;
    if (!(at = behind_word(at, "\"boundingBoxes\"")) || !(at = behind_mark(at, ','))) return NULL;
    if (!(at = behind_key(at, "\"frameId\""))) return NULL;
    members->frame_id = at;
    if (*at == 'n' || !(at = behind_value(at, 0))) return NULL;
    members->frame_id_end = at;
    if (!(at = behind_mark(at, ',')) || !(at = behind_key(at, "\"boxes\""))) return NULL;
    members->boxes = at;
    if (!(at = behind_boxes(at, sightings))) return NULL;
    members->boxes_end = at;
    return behind_mark(at, '}');
}

/* ---- Python's objects ---- */

/* The functions that make one set an exception where there is no memory, and give NULL. */

static PyObject *object_id_of(const struct said *said) {
    long long value = 0;
    for (place at = said->object_id; is_digit(*at); at++) value = value * 10 + (*at - '0');
    return PyLong_FromLongLong(value);
}

/* The double nearest to the number. Short ones are an integer divided by a power of ten, both of which doubles hold
   exactly, so that the quotient is the nearest. */
static PyObject *number_at(place at) {
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    enum { SHORT = sizeof powers / sizeof *powers };
    long long integer = 0;
    place end = at, point = NULL;
    for (; end - at < SHORT && (is_digit(*end) || *end == '.'); end++) {
        if (*end == '.')
            point = end;
        else
            integer = integer * 10 + (*end - '0');
    }
    if (!is_digit(*end) && *end != '.' && *end != 'e' && *end != 'E')
        return PyFloat_FromDouble((double)integer / powers[point ? end - point - 1 : 0]);
    double value = PyOS_string_to_double((const char *)at, (char **)&end, NULL);
    return PyErr_Occurred() ? NULL : PyFloat_FromDouble(value);
}

static PyObject *certainty_of(const struct said *said) {
    return said->certainty ? number_at(said->certainty) : Py_NewRef(Py_None);
}

/* A tuple of what is made of each; NULL where anything of that could not be made. */
static PyObject *of_each(const struct sightings *sightings, PyObject *(*make)(const struct said *)) {
    PyObject *tuple = PyTuple_New(sightings->count);
    for (int index = 0; tuple && index < sightings->count; index++) {
        PyObject *item = make(&sightings->said[index]);
        if (item)
            PyTuple_SET_ITEM(tuple, index, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

enum { LONGEST_MESSAGE = 100000 }; /* MAX_BOXES of boxes.py: so long ones hold many boxes, which are counted first */

static PyObject *bytes_between(place begin, place end) {
    return PyBytes_FromStringAndSize((const char *)begin, end - begin);
}

/* A tuple of what is given away to it; NULL where anything of that could not be made. */
static PyObject *tuple_of_four(PyObject *one, PyObject *two, PyObject *three, PyObject *four) {
    PyObject *tuple = one && two && three && four ? PyTuple_Pack(4, one, two, three, four) : NULL;
    Py_XDECREF(one);
    Py_XDECREF(two);
    Py_XDECREF(three);
    Py_XDECREF(four);
    return tuple;
}

static PyObject *usual_members(PyObject *module, PyObject *text) {
    (void)module;
    if (!PyBytes_Check(text)) return PyErr_Format(PyExc_TypeError, "usual_members takes bytes");
    if (PyBytes_GET_SIZE(text) > LONGEST_MESSAGE) Py_RETURN_NONE;
    struct sightings sightings;
    sightings.count = 0;
    struct members found;
    place begin = (place)PyBytes_AS_STRING(text);
    if (behind_message(begin, &found, &sightings) != begin + PyBytes_GET_SIZE(text)) Py_RETURN_NONE;
    return tuple_of_four(bytes_between(found.frame_id, found.frame_id_end), bytes_between(found.boxes, found.boxes_end),
                         of_each(&sightings, object_id_of), of_each(&sightings, certainty_of));
}

/* ---- The module ---- */

static PyMethodDef functions[] = {
    {"usual_text", (PyCFunction)(void (*)(void))usual_text, METH_FASTCALL, "See `usual.usual_text`."},
    {"usual_texts", (PyCFunction)(void (*)(void))usual_texts, METH_FASTCALL, "See `usual.usual_texts`."},
    {"text_frame", (PyCFunction)(void (*)(void))text_frame, METH_FASTCALL, "See `usual.text_frame`."},
    {"usual_members", usual_members, METH_O, "See `usual.usual_members`."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "speedups", .m_methods = functions};

PyMODINIT_FUNC PyInit_speedups(void) { return PyModuleDef_Init(&definition); }
