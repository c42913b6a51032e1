#include <loglift_test.h>

static void pairs_become_fields(void) {
    loglift_test *test = loglift_test_configure("{}");
    loglift_test_event(test, "content", "a=1 b=\"two words\" c=");
    loglift_test_event(test, "content", "  a=1   a=2 ", "other", "stays");
    loglift_test_event(test, "content", "q=\"say \\\"hi\\\" \\\\ \\n\"");
    loglift_test_event(test, "content", "content=new");
    loglift_test_event(test, "content", "");
    loglift_test_process(test);
    loglift_test_expect(test, "a", "1", "b", "two words", "c", "");
    loglift_test_expect(test, "other", "stays", "a", "2");
    loglift_test_expect(test, "q", "say \"hi\" \\ \\n");
    loglift_test_expect(test, "content", "new");
    loglift_test_expect(test, "content", "");
    loglift_test_expect_end(test);
    loglift_test_expect_alarm(test, NULL);
}

static void the_separators_are_free(void) {
    loglift_test *test = loglift_test_configure("{\"SourceKey\": \"kv\", \"PairSeparator\": \", \", \"Separator\": \": "
                                                "\", \"Quote\": \"'\", \"Prefix\": \"kv_\","
                                                " \"KeepSource\": true}");
    loglift_test_event(test, "kv", "a: 1, b: 'x, y', c: \"z\"");
    loglift_test_process(test);
    loglift_test_expect(test, "kv", "a: 1, b: 'x, y', c: \"z\"", "kv_a", "1", "kv_b", "x, y", "kv_c", "\"z\"");

    test = loglift_test_configure("{\"Quote\": \"\"}");
    loglift_test_event(test, "content", "a=\"x y=z");
    loglift_test_process(test);
    loglift_test_expect(test, "a", "\"x", "y", "z");
}

static void what_is_no_pair(const char *line, const char *alarm) {
    loglift_test *test = loglift_test_configure("{}");
    loglift_test_event(test, "content", line);
    loglift_test_process(test);
    loglift_test_expect(test, "content", line);
    loglift_test_expect_outcome(test, 0, LOGLIFT_FAILED);
    loglift_test_expect_alarm(test, alarm);
}

static void what_becomes_of_lines_that_fail(void) {
    what_is_no_pair("a=1 word b=2", "no separator: word");
    what_is_no_pair("=1", "no name before the separator: =1");
    what_is_no_pair("a=\"open", "no quote at the end of the value: a=\"open");
    what_is_no_pair("a=\"x\"y", "no quote at the end of the value: a=\"x\"y");

    loglift_test *test = loglift_test_configure("{\"OnFailure\": \"skip\"}");
    loglift_test_event(test, "content", "a=1 word b=2");
    loglift_test_process(test);
    loglift_test_expect(test, "content", "a=1 word b=2", "a", "1", "b", "2");
    loglift_test_expect_outcome(test, 0, LOGLIFT_FAILED);

    test = loglift_test_configure("{\"OnFailure\": \"drop\"}");
    loglift_test_event(test, "content", "word");
    loglift_test_event(test, "content", "a=1");
    loglift_test_process(test);
    loglift_test_expect(test, "a", "1");
    loglift_test_expect_end(test);
    loglift_test_expect_outcome(test, 0, LOGLIFT_DISCARDED);
    loglift_test_expect_count(test, "key_value_dropped_total", 1);

    test = loglift_test_configure("{}");
    loglift_test_event(test, "other", "a=1");
    loglift_test_process(test);
    loglift_test_expect(test, "other", "a=1");
    loglift_test_expect_outcome(test, 0, LOGLIFT_KEY_NOT_FOUND);
}

static void mistakes_are_named_by_their_parameter(void) {
    loglift_test_refuses("{\"PairSeparator\": \"\"}", "PairSeparator", "must not be empty");
    loglift_test_refuses("{\"Separator\": \" \"}", "Separator", "another one than PairSeparator");
    loglift_test_refuses("{\"Quote\": \"''\"}", "Quote", "one character");
    loglift_test_refuses("{\"OnFailure\": \"explode\"}", "OnFailure", "expected keep, skip or drop, found explode");
    loglift_test_refuses("{\"KeepSource\": 1}", "KeepSource", "expected true or false");
    loglift_test_refuses("{", "", "not JSON");
}

int main(void) {
    pairs_become_fields();
    the_separators_are_free();
    what_becomes_of_lines_that_fail();
    mistakes_are_named_by_their_parameter();
    return loglift_test_result();
}
