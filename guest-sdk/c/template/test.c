#include <loglift_test.h>

static void a_level_becomes_a_field(void) {
    loglift_test *test = loglift_test_configure("{}");
    loglift_test_event(test, "content", "12:00 [ERROR] disk full");
    loglift_test_event(test, "content", "ERRORS");
    loglift_test_process(test);
    loglift_test_expect(test, "content", "12:00 [ERROR] disk full", "level", "ERROR");
    loglift_test_expect(test, "content", "ERRORS");
    loglift_test_expect_outcome(test, 1, LOGLIFT_KEY_NOT_FOUND);
}

static void a_level_cannot_take_the_place_of_its_line(void) {
    loglift_test_refuses("{\"SourceKey\": \"a\", \"TargetKey\": \"a\"}", "TargetKey", "must not be");
}

int main(void) {
    a_level_becomes_a_field();
    a_level_cannot_take_the_place_of_its_line();
    return loglift_test_result();
}
