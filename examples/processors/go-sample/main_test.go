package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"loglift"
)

func configured(t *testing.T, config string) *loglift.Guest {
	t.Helper()
	guest, err := loglift.Configure(config)
	if err != nil {
		t.Fatal(err)
	}
	return guest
}

func processed(t *testing.T, guest *loglift.Guest, events ...loglift.TestEvent) loglift.Output {
	t.Helper()
	output, err := guest.Process(events...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

func TestATraceIsKeptOrDroppedAsAWhole(t *testing.T) {
	guest := configured(t, `{"Percent": 50}`)
	var events []loglift.TestEvent
	for n := range 300 {
		events = append(events, loglift.NewEvent("trace_id", fmt.Sprint("trace-", n%100), "n", fmt.Sprint(n)))
	}
	output := processed(t, guest, events...)
	seen := map[string]int{}
	for _, event := range output.Events {
		id, _ := event.Value("trace_id")
		seen[id]++
	}
	for id, times := range seen {
		if times != 3 {
			t.Errorf("of the three events of %s, %d were kept", id, times)
		}
	}
	if dropped := output.Counts["sample_dropped_total"]; dropped != uint64(300-len(output.Events)) {
		t.Errorf("%d are counted as dropped", dropped)
	}
}

func TestTheShareIsWhatWasAskedFor(t *testing.T) {
	const traces = 20_000
	for _, percent := range []float64{0, 1, 12.5, 50, 99, 100} {
		guest := configured(t, fmt.Sprintf(`{"Percent": %g}`, percent))
		var events []loglift.TestEvent
		for n := range traces {
			events = append(events, loglift.NewEvent("trace_id", fmt.Sprint(n)))
		}
		kept := float64(len(processed(t, guest, events...).Events))
		expected := traces * percent / 100
		// Four standard deviations.
		if allowed := 4 * math.Sqrt(expected*(1-percent/100)); math.Abs(kept-expected) > allowed {
			t.Errorf("of %d traces, %g are kept at %g percent", traces, kept, percent)
		}
	}
}

func TestEventsWithoutTheFieldAreKeptOrDropped(t *testing.T) {
	event := loglift.NewEvent("other", "1")
	kept := processed(t, configured(t, `{"Percent": 0}`), event)
	if len(kept.Events) != 1 || kept.Outcomes[0] != loglift.KeyNotFound {
		t.Errorf("%v", kept)
	}
	dropped := processed(t, configured(t, `{"Percent": 100, "Missing": "drop"}`), event)
	if len(dropped.Events) != 0 || dropped.Counts["sample_dropped_without_key_total"] != 1 {
		t.Errorf("%v", dropped)
	}
}

func TestMistakesAreNamedByTheirParameter(t *testing.T) {
	for config, expected := range map[string]string{
		`{}`:                                   "Percent: is missing",
		`{"Percent": 101}`:                     "Percent: expected 0 to 100",
		`{"Percent": "many"}`:                  "Percent: expected float64, found string",
		`{"Percent": 1, "Key": ""}`:            "Key: must not be empty",
		`{"Percent": 1, "Missing": "explode"}`: "Missing: expected keep or drop, found explode",
		`{"Percent"`:                           "unexpected EOF",
	} {
		_, err := loglift.Configure(config)
		if err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%s is answered by %v", config, err)
		}
	}
}
