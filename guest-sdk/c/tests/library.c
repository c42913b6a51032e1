/* The library itself: configurations, messages, and changes of all kinds. */
#include <loglift_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/internal.h"

/* What the processor of the next test does. */
static void (*act)(const loglift_batch *batch, loglift_changes *changes);
static void (*look)(loglift_config *config);

static int failures;

static void expect(bool holds, const char *what) {
    if (!holds) {
        failures += 1;
        printf("wrong: %s\n", what);
    }
}

static bool is(loglift_text text, const char *expected) {
    return loglift_text_equal(text, loglift_text_of(expected));
}

/* ---- Configurations ---- */

static void look_at_values(loglift_config *config) {
    size_t len;
    const loglift_text *texts = loglift_config_texts(config, "List", &len);
    expect(len == 2 && is(texts[0], "a") && is(texts[1], "\xc3\xa9\xf0\x9f\x98\x80\n\"\\/"), "a list of texts");
    expect(loglift_config_number(config, "Number", 0) == -1250.5, "a number");
    expect(loglift_config_number(config, "Tiny", 0) == 0.001, "a number with an exponent");
    expect(loglift_config_number(config, "Huge", 0) == 12345678901234567890.0 * 1000, "a number of many digits");
    expect(loglift_config_bool(config, "Yes", false) && !loglift_config_bool(config, "No", true), "truth values");
    expect(is(loglift_config_text(config, "Null", "usual"), "usual"), "a null is no value");
    expect(!loglift_config_has(config, "Missing") && loglift_config_has(config, "Deep"), "what is there");
}

static void configurations_are_read(void) {
    look = look_at_values;
    loglift_test_configure(
        "{\"List\": [\"a\", \"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\\/\"], \"Number\": -1250.5, \"Tiny\": 1e-3,"
        " \"Huge\": 12345678901234567890000, \"Yes\": true, \"No\": false, \"Null\": null,"
        " \"Deep\": {\"a\": [{}, [], {\"b\": 1}]}}"
    );
    look = NULL;
    static const char *const wrong[] = {
        "",
        "{",
        "{\"a\"}",
        "{\"a\": 1,}",
        "{\"a\": 01x}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\": \"\\x\"}",
        "{} {}",
        "{\"a\": tru}",
        "{\"a\": 1.}",
        "{\"a\": \"\n\"}",
        "{\"a\": -}",
    };
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
        loglift_test_refuses(wrong[index], "", "not JSON");
    }
    loglift_test_refuses("[]", "", "not an object");
    char deep[2048] = "{\"a\": ";
    memset(deep + 6, '[', 1000);
    loglift_test_refuses(deep, "", "not JSON");
}

/* ---- Messages and texts ---- */

static void look_at_formats(loglift_config *config) {
    loglift_config_note(
        config, "%s|%.*s|%c|%d|%i|%u|%x|%%|%zu|%lld|%llu|%ld", "s", 2, "cut", 'c', -1, 0, 7u, 255u, (size_t)8,
        -9223372036854775807LL - 1, 18446744073709551615ULL, -3L
    );
    const loglift_text *note = (const loglift_text *)(const void *)config->notes.data;
    expect(is(*note, "s|cu|c|-1|0|7|ff|%|8|-9223372036854775808|18446744073709551615|-3"), "a formatted message");
}

static void texts_are_found_and_cut(void) {
    look = look_at_formats;
    loglift_test_configure("{}");
    look = NULL;
    loglift_text text = LOGLIFT_TEXT("one, two, three");
    expect(loglift_text_find(text, LOGLIFT_TEXT(", t")) == 3, "the first place");
    expect(loglift_text_find(text, LOGLIFT_TEXT("three!")) == SIZE_MAX, "no place");
    expect(loglift_text_find(text, LOGLIFT_TEXT("")) == 0, "nothing is everywhere");
    expect(loglift_text_find(LOGLIFT_TEXT(""), LOGLIFT_TEXT("x")) == SIZE_MAX, "nothing in nothing");
    expect(
        is(loglift_text_first(text, 99), "one, two, three") && loglift_text_after(text, 99).len == 0,
        "more than there is"
    );
    char value[300];
    memset(value, 'x', sizeof value);
    memcpy(value + 255, "\xc3\xa9", 2);
    loglift_text cut = loglift_excerpt((loglift_text){value, sizeof value});
    expect(cut.len == 258 && memcmp(cut.data + 255, "...", 3) == 0, "a character is not cut");
}

static void messages_are_utf8(void) {
    static const struct {
        const char *text;
        const char *expected;
    } checks[] = {
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"caf\xe9", "caf\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"", ""},
    };
    for (size_t index = 0; index < sizeof checks / sizeof *checks; index++) {
        expect(is(valid_utf8(loglift_text_of(checks[index].text)), checks[index].expected), checks[index].text);
    }
}

/* ---- Changes ---- */

static void change_everything(const loglift_batch *batch, loglift_changes *changes) {
    loglift_event events[4] = {0};
    LOGLIFT_EACH(event, batch) {
        events[event.index] = event;
    }
    loglift_key a = loglift_batch_key(batch, LOGLIFT_TEXT("a")), b = loglift_batch_key(batch, LOGLIFT_TEXT("b"));
    expect(loglift_batch_len(batch) == 4 && loglift_batch_key(batch, LOGLIFT_TEXT("z")) == LOGLIFT_NO_KEY, "the batch");
    /* Not in the order of the events. */
    loglift_changes_set(changes, &events[3], a, LOGLIFT_TEXT("last"));
    loglift_changes_set(changes, &events[0], loglift_changes_key(changes, LOGLIFT_TEXT("new")), LOGLIFT_TEXT("first"));
    loglift_changes_remove(changes, &events[0], a);
    loglift_changes_discard(changes, &events[1]);
    loglift_changes_set(changes, &events[1], a, LOGLIFT_TEXT("nobody sees it"));
    loglift_changes_rename(changes, b, LOGLIFT_TEXT("renamed"));
    loglift_changes_remove_everywhere(changes, loglift_batch_key(batch, LOGLIFT_TEXT("c")));
    expect(loglift_changes_key(changes, LOGLIFT_TEXT("renamed")) == b, "a name that was renamed has its key");
    expect(loglift_changes_key(changes, LOGLIFT_TEXT("b")) != b, "its old name has another one");
    loglift_changes_set_time(changes, &events[2], 7, 8);
    loglift_changes_count(changes, "seen_total", 2);
    loglift_changes_count(changes, "seen_total", 3);
    for (int times = 0; times < 9; times++) {
        loglift_changes_alarm(changes, &events[0], "A_ALARM", "number\n%d", times);
    }
}

static void changes_apply_to_the_events_that_they_name(void) {
    act = change_everything;
    loglift_test *test = loglift_test_configure("{}");
    loglift_test_event(test, "a", "1", "b", "2");
    loglift_test_event(test, "a", "3");
    loglift_test_event(test, "b", "4", "c", "5");
    loglift_test_event(test, "a", "6", "c", "7");
    loglift_test_process(test);
    loglift_test_expect(test, "renamed", "2", "new", "first");
    loglift_test_expect(test, "renamed", "4");
    loglift_test_expect(test, "a", "last");
    loglift_test_expect_end(test);
    loglift_test_expect_outcome(test, 1, LOGLIFT_DISCARDED);
    loglift_test_expect_outcome(test, 2, LOGLIFT_SUCCESSFUL);
    loglift_test_expect_count(test, "seen_total", 5);
    loglift_test_expect_alarm(test, "number 3");
}

/* As many names and bytes as outgrow every first size. */
enum { MANY = 5000 };

static void set_many(const loglift_batch *batch, loglift_changes *changes) {
    LOGLIFT_EACH(event, batch) {
        for (int number = 0; number < 200; number++) {
            char *name = loglift_alloc(16);
            int len = snprintf(name, 16, "name-%d", (int)(event.index * 10 + (unsigned)number) % MANY);
            loglift_text text = {name, (size_t)len};
            loglift_key key = loglift_changes_key(changes, text);
            expect(loglift_changes_key(changes, text) == key, "a name keeps its key");
            loglift_changes_set(changes, &event, key, text);
        }
    }
}

static void a_call_grows_as_large_as_it_must(void) {
    act = set_many;
    loglift_test *test = loglift_test_configure("{}");
    for (int event = 0; event < 500; event++) {
        loglift_test_event(test, "a", "1");
    }
    loglift_test_process(test);
    for (int event = 0; event < 500; event++) {
        char last[16];
        snprintf(last, sizeof last, "name-%d", (event * 10 + 199) % MANY);
        loglift_test_expect_last(test, last, last);
    }
    loglift_test_expect_end(test);
}

static void *configure_test(loglift_config *config) {
    static int self;
    if (look != NULL) {
        look(config);
    }
    return &self;
}

static const char *process_test(void *self, const loglift_batch *batch, loglift_changes *changes) {
    (void)self;
    act(batch, changes);
    return NULL;
}

const loglift_processor loglift_exported = {
    .name = "processor_test",
    .version = "1",
    .summary = "",
    .config_schema = "",
    .configure = configure_test,
    .process = process_test,
};

int main(void) {
    configurations_are_read();
    texts_are_found_and_cut();
    messages_are_utf8();
    changes_apply_to_the_events_that_they_name();
    a_call_grows_as_large_as_it_must();
    int code = loglift_test_result();
    return failures == 0 ? code : EXIT_FAILURE;
}
