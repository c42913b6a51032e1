/* Runs a processor natively, for unit tests: a batch from literals, the processor, and what is expected of it.
 *
 *     loglift_test *test = loglift_test_configure("{\"SourceKey\": \"content\"}");
 *     loglift_test_event(test, "content", "a=1");
 *     loglift_test_process(test);
 *     loglift_test_expect(test, "content", "a=1", "a", "1");
 *     loglift_test_expect_end(test);
 *     return loglift_test_result();
 *
 * What is not as expected is printed with file and line. Of the program, compile the processor, the library's src and
 * testing, and the test, with any C compiler. */
#ifndef LOGLIFT_TEST_H
#define LOGLIFT_TEST_H

#include "loglift.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct loglift_test loglift_test;

/* Configures the processor by JSON; the test ends if it refuses. */
#define loglift_test_configure(config) loglift_test_configure_at(__FILE__, __LINE__, (config))

/* Expects that the processor refuses a configuration, with an issue at this path whose message has this part. */
#define loglift_test_refuses(config, path, part) loglift_test_refuses_at(__FILE__, __LINE__, (config), (path), (part))

/* Adds an event to the next batch: names and values, in order. */
#define loglift_test_event(test, ...) loglift_test_event_of((test), __VA_ARGS__, (const char *)NULL)

/* Has the batch processed, which the agent read at Unix second 0. */
#define loglift_test_process(test) loglift_test_process_at(__FILE__, __LINE__, (test))

/* Expects that the next event that came out has exactly these names and values, in this order. */
#define loglift_test_expect(test, ...) \
    loglift_test_expect_of(__FILE__, __LINE__, (test), __VA_ARGS__, (const char *)NULL)

/* Expects that the last field of the next event that came out has this name and this value, whatever it has besides. */
#define loglift_test_expect_last(test, name, value) \
    loglift_test_expect_last_at(__FILE__, __LINE__, (test), (name), (value))

/* Expects that no other event came out. */
#define loglift_test_expect_end(test) loglift_test_expect_end_at(__FILE__, __LINE__, (test))

/* Expects what became of an event, by its place in the batch that went in. */
#define loglift_test_expect_outcome(test, event, outcome) \
    loglift_test_expect_outcome_at(__FILE__, __LINE__, (test), (event), (outcome))

/* Expects an alarm whose message has this part, or, with a null, that there is none. */
#define loglift_test_expect_alarm(test, part) loglift_test_expect_alarm_at(__FILE__, __LINE__, (test), (part))

/* Expects what was added to a counter of the processor's own. */
#define loglift_test_expect_count(test, counter, amount) \
    loglift_test_expect_count_at(__FILE__, __LINE__, (test), (counter), (amount))

/* Says on standard output how it went. Returns the exit code of the test program. */
int loglift_test_result(void);

/* What the macros call. */
loglift_test *loglift_test_configure_at(const char *file, int line, const char *config);
void loglift_test_refuses_at(const char *file, int line, const char *config, const char *path, const char *part);
void loglift_test_event_of(loglift_test *test, ...);
void loglift_test_process_at(const char *file, int line, loglift_test *test);
void loglift_test_expect_of(const char *file, int line, loglift_test *test, ...);
void loglift_test_expect_last_at(const char *file, int line, loglift_test *test, const char *name, const char *value);
void loglift_test_expect_end_at(const char *file, int line, loglift_test *test);
void loglift_test_expect_outcome_at(
    const char *file, int line, const loglift_test *test, size_t event, loglift_outcome outcome
);
void loglift_test_expect_alarm_at(const char *file, int line, const loglift_test *test, const char *part);
void loglift_test_expect_count_at(
    const char *file, int line, const loglift_test *test, const char *counter, uint64_t amount
);

#ifdef __cplusplus
}
#endif
#endif
