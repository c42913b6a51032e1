/* Formatted messages. Not by the C library, whose printf brings all of stdio along, and with it imports from WASI: a
 * processor needs nothing but the contract. Known are %s, %c, %d, %i, %u, %x and %%, with l, ll and z, and %.*s. */
#include <string.h>

#include "internal.h"

static void put(vector *text, const char *data, size_t len) {
    if (len > 0) {
        memcpy(vector_add(text, len, 1), data, len);
    }
}

static void put_number(vector *text, unsigned long long number, unsigned base, bool is_negative) {
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    if (is_negative) {
        digits[--at] = '-';
    }
    put(text, digits + at, sizeof digits - at);
}

/* The arguments, as a struct: some ABIs have an array, of which a pointer is another type. */
typedef struct arguments {
    va_list list;
} arguments;

enum length { INT, LONG, LONG_LONG, SIZE };

static enum length take_length(const char **format) {
    if (**format == 'z') {
        *format += 1;
        return SIZE;
    }
    int longs = 0;
    while (**format == 'l') {
        *format += 1;
        longs += 1;
    }
    return longs == 0 ? INT : longs == 1 ? LONG : LONG_LONG;
}

static unsigned long long take_unsigned(arguments *arguments, enum length length) {
    switch (length) {
    case LONG:
        return va_arg(arguments->list, unsigned long);
    case LONG_LONG:
        return va_arg(arguments->list, unsigned long long);
    case SIZE:
        return va_arg(arguments->list, size_t);
    default:
        return va_arg(arguments->list, unsigned);
    }
}

static long long take_signed(arguments *arguments, enum length length) {
    switch (length) {
    case LONG:
        return va_arg(arguments->list, long);
    case LONG_LONG:
        return va_arg(arguments->list, long long);
    case SIZE:
        return (long long)va_arg(arguments->list, size_t);
    default:
        return va_arg(arguments->list, int);
    }
}

/* Writes what follows a percent sign, and returns what comes after it. */
static const char *convert(vector *text, const char *format, arguments *arguments) {
    const char *start = format;
    size_t precision = SIZE_MAX;
    if (format[0] == '.' && format[1] == '*') {
        precision = (size_t)va_arg(arguments->list, int);
        format += 2;
    }
    enum length length = take_length(&format);
    switch (*format) {
    case 's': {
        const char *string = va_arg(arguments->list, const char *);
        put(text, string, precision == SIZE_MAX ? strlen(string) : precision);
        break;
    }
    case 'c': {
        char byte = (char)va_arg(arguments->list, int);
        put(text, &byte, 1);
        break;
    }
    case 'd':
    case 'i': {
        long long number = take_signed(arguments, length);
        put_number(text, number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number, 10, number < 0);
        break;
    }
    case 'u':
    case 'x':
        put_number(text, take_unsigned(arguments, length), *format == 'x' ? 16 : 10, false);
        break;
    case '%':
        put(text, "%", 1);
        break;
    default:
        /* Shown as it stands: the author will see it. */
        put(text, "%", 1);
        return start;
    }
    return format + 1;
}

loglift_text format_text(const char *format, va_list list) {
    vector text = {0};
    arguments arguments;
    va_copy(arguments.list, list);
    while (*format != 0) {
        const char *percent = strchr(format, '%');
        size_t plain = percent == NULL ? strlen(format) : (size_t)(percent - format);
        put(&text, format, plain);
        format += plain;
        if (percent != NULL) {
            format = convert(&text, format + 1, &arguments);
        }
    }
    va_end(arguments.list);
    return (loglift_text){text.data, text.len};
}
