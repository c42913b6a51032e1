package loglift

import (
	"errors"
	"slices"
	"testing"
)

// change runs a function on a batch, and returns what came out.
func change(events []TestEvent, process func(*Batch, *Changes)) Output {
	batch := newBatch(events)
	changes := &Changes{batch: batch}
	process(batch, changes)
	changes.finish()
	return changes.output()
}

func expectEvents(t *testing.T, output Output, expected ...string) {
	t.Helper()
	var found []string
	for _, event := range output.Events {
		found = append(found, event.String())
	}
	if !slices.Equal(found, expected) {
		t.Errorf("expected %q, found %q", expected, found)
	}
}

func TestViewsShowWhatIsThere(t *testing.T) {
	batch := newBatch([]TestEvent{NewEvent("a", "1", "b", "2"), {}, NewEvent("b", "3")})
	a, b := batch.Key("a"), batch.Key("b")
	if batch.Len() != 3 || batch.Key("c") != NoKey || string(batch.Name(b)) != "b" {
		t.Fatalf("%d events, c is %d", batch.Len(), batch.Key("c"))
	}
	var found []string
	for event := range batch.Events() {
		_, hasA := event.Value(a)
		value, _ := event.Value(b)
		found = append(found, string(value))
		if hasA != (event.Index() == 0) || event.Len() != []int{2, 0, 1}[event.Index()] {
			t.Errorf("event %d: %v, %d fields", event.Index(), hasA, event.Len())
		}
	}
	if !slices.Equal(found, []string{"2", "", "3"}) {
		t.Errorf("found %q", found)
	}
}

func TestOnlyWhatIsNotPartOfTheBatchIsCopied(t *testing.T) {
	event := NewEvent("content", "one two")
	appended := 0
	output := change([]TestEvent{event}, func(batch *Batch, changes *Changes) {
		for event := range batch.Events() {
			value, _ := event.Value(batch.Key("content"))
			changes.Set(event, changes.Key("first"), value[:3])
			changes.Set(event, changes.KeyOf(value[4:]), []byte("new"))
			appended = len(changes.appended)
		}
	})
	expectEvents(t, output, `content="one two" first="one" two="new"`)
	if appended != len("first")+len("new") {
		t.Errorf("%d bytes were copied", appended)
	}
}

func TestChangesApplyToTheEventsThatTheyName(t *testing.T) {
	events := []TestEvent{NewEvent("a", "1"), NewEvent("a", "2", "b", "x"), NewEvent("a", "3")}
	output := change(events, func(batch *Batch, changes *Changes) {
		all := slices.Collect(batch.Events())
		changes.SetString(all[2], changes.Key("a"), "third")
		changes.Discard(all[0])
		changes.Remove(all[1], changes.Key("a"))
		changes.SetTime(all[2], 7, 8)
		changes.Outcome(all[1], Failed)
		changes.Count("seen_total", 1)
		changes.Count("seen_total", 2)
	})
	expectEvents(t, output, `b="x"`, `a="third"`)
	if last := output.Events[1]; last.Seconds != 7 || last.Nanoseconds != 8 {
		t.Errorf("the time is %d.%d", last.Seconds, last.Nanoseconds)
	}
	if !slices.Equal(output.Outcomes, []Outcome{Discarded, Failed, Successful}) || output.Counts["seen_total"] != 3 {
		t.Errorf("outcomes %v, counts %v", output.Outcomes, output.Counts)
	}
}

func TestNamesAreRenamedAndRemovedForAllEvents(t *testing.T) {
	events := []TestEvent{NewEvent("a", "1", "b", "2"), NewEvent("b", "3")}
	output := change(events, func(batch *Batch, changes *Changes) {
		changes.Rename(batch.Key("b"), "c")
		changes.RemoveEverywhere(batch.Key("a"))
		for event := range batch.Events() {
			changes.SetString(event, changes.Key("c"), "set")
		}
	})
	expectEvents(t, output, `c="set"`, `c="set"`)
}

func TestAlarmsOfOneKindAreFewWithHighNumbers(t *testing.T) {
	events := make([]TestEvent, 10)
	shown := 0
	var last uint32
	output := change(events, func(batch *Batch, changes *Changes) {
		for event := range batch.Events() {
			changes.Alarm(event, "A_ALARM", func() string { shown++; return "wrong\nline" })
		}
		last = changes.alarms[len(changes.alarms)-1].occurrences
	})
	if output.Alarms[0] != "A_ALARM: wrong line" {
		t.Errorf("the alarm is %q", output.Alarms[0])
	}
	if len(output.Alarms) != 4 || shown != 4 || last != 7 {
		t.Errorf("%d alarms, %d formatted, the last stands for %d", len(output.Alarms), shown, last)
	}
}

func TestEveryIssueOfAnErrorIsFound(t *testing.T) {
	err := errors.Join(Issue{"A", "is wrong"}, errors.Join(Issue{"B", "too"}, errors.New("and all")))
	if found := issues(err); !slices.Equal(found, []Issue{{"A", "is wrong"}, {"B", "too"}, {"", "and all"}}) {
		t.Errorf("found %v", found)
	}
}

func TestExcerptsAreCutBetweenCharacters(t *testing.T) {
	long := make([]byte, 255)
	for index := range long {
		long[index] = 'x'
	}
	for _, check := range []struct{ value, expected string }{
		{"short", "short"},
		{"caf\xe9", "caf\ufffd"},
		{string(long) + "é!", string(long) + "..."},
	} {
		if found := Excerpt([]byte(check.value)); found != check.expected {
			t.Errorf("%q becomes %q", check.value, found)
		}
	}
}
