package loglift

import (
	"slices"
	"strings"
	"unsafe"
)

// Changes gathers what changes in a batch. What is not mentioned stays.
type Changes struct {
	batch       *Batch
	appended    []byte
	names       []uint32
	known       map[string]Key
	seconds     []int64
	nanoseconds []uint32
	edits       edits
	discarded   []bool
	origins     []uint32
	outcomes    []byte
	counts      []count
	alarms      []alarm
}

type edits struct {
	events []uint32
	keys   []uint32
	values []uint32
}

type count struct {
	name   string
	amount uint64
}

type alarm struct {
	event       int
	kind        string
	message     string
	occurrences uint32
}

// Outcome is what became of one event, as the agent counts it. Without a word an event is successful.
type Outcome byte

// The outcomes.
const (
	// Successful: it was processed.
	Successful Outcome = iota
	// Failed: it could not be processed.
	Failed
	// KeyNotFound: it lacks the field to work on.
	KeyNotFound
	// Discarded: it is dropped, on purpose.
	Discarded
)

// Key returns the key of a field name, which joins the dictionary if it is new.
func (c *Changes) Key(name string) Key {
	if c.known == nil {
		c.load()
	}
	key, ok := c.known[name]
	if !ok {
		offset, length := c.appendString(name)
		key = Key(len(c.names) / 2)
		c.names = append(c.names, offset, length)
		c.known[name] = key
	}
	return key
}

// KeyOf is [Changes.Key] for a name that is part of the batch.
func (c *Changes) KeyOf(name []byte) Key {
	if c.known == nil {
		c.load()
	}
	key, ok := c.known[string(name)]
	if !ok {
		offset, length := c.span(name)
		key = Key(len(c.names) / 2)
		c.names = append(c.names, offset, length)
		c.known[string(name)] = key
	}
	return key
}

// Rename gives a field another name in every event, at the cost of one entry of the dictionary.
//
// No event may have a field of that name already: to put a value onto a name that is in use, [Changes.Set] it.
func (c *Changes) Rename(key Key, name string) {
	if c.known == nil {
		c.load()
	}
	delete(c.known, string(c.batch.Name(key)))
	c.names[2*key], c.names[2*key+1] = c.appendString(name)
	c.known[name] = key
}

// RemoveEverywhere removes a field from every event, at the cost of one entry of the dictionary.
func (c *Changes) RemoveEverywhere(key Key) {
	if c.known == nil {
		c.load()
	}
	delete(c.known, string(c.batch.Name(key)))
	c.names[2*key], c.names[2*key+1] = removed, 0
}

// Set sets a field of an event: in place if the event has it, else at its end. At most once for a field of an event.
//
// A value that is part of the batch costs nothing; any other is copied.
func (c *Changes) Set(event Event, key Key, value []byte) {
	offset, length := c.span(value)
	c.edit(event, key, offset, length)
}

// SetString is [Changes.Set] with a string.
func (c *Changes) SetString(event Event, key Key, value string) {
	offset, length := c.appendString(value)
	c.edit(event, key, offset, length)
}

// Remove removes a field of one event, if it has it.
func (c *Changes) Remove(event Event, key Key) {
	c.edit(event, key, removed, 0)
}

// SetTime sets the time of an event: Unix seconds, and nanoseconds below 1e9.
func (c *Changes) SetTime(event Event, seconds int64, nanoseconds uint32) {
	if c.seconds == nil {
		c.seconds, c.nanoseconds = slices.Clone(c.batch.seconds), slices.Clone(c.batch.nanoseconds)
	}
	c.seconds[event.index], c.nanoseconds[event.index] = seconds, nanoseconds
}

// Discard drops an event.
func (c *Changes) Discard(event Event) {
	if c.discarded == nil {
		c.discarded = make([]bool, c.batch.Len())
	}
	c.discarded[event.index] = true
	c.Outcome(event, Discarded)
}

// Outcome says what became of an event.
func (c *Changes) Outcome(event Event, outcome Outcome) {
	if c.outcomes == nil {
		c.outcomes = make([]byte, c.batch.Len())
	}
	c.outcomes[event.index] = byte(outcome)
}

// Alarm reports something that a person should hear of: a kind in capitals, such as SAMPLE_ALARM, and one line. Show
// values by [Excerpt]. After a few alarms of one kind in a batch the further ones are only counted, so message is a
// function.
func (c *Changes) Alarm(event Event, kind string, message func() string) {
	same := 0
	for index := range c.alarms {
		if c.alarms[index].kind != kind {
			continue
		}
		if same++; same == alarmsOfAKind {
			c.alarms[index].occurrences++
			return
		}
	}
	c.alarms = append(c.alarms, alarm{event.index, kind, message(), 1})
}

// Count adds to a counter of the processor's own, with a name such as sampled_out_total.
func (c *Changes) Count(counter string, amount uint64) {
	for index := range c.counts {
		if c.counts[index].name == counter {
			c.counts[index].amount += amount
			return
		}
	}
	c.counts = append(c.counts, count{counter, amount})
}

// oneLine returns a message without the ends of lines and the like that its values had in them.
func oneLine(message string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, message)
}

// load begins with the dictionary of the batch.
func (c *Changes) load() {
	c.names = slices.Clone(c.batch.names)
	c.known = make(map[string]Key, len(c.names)/2)
	for index := range len(c.names) / 2 {
		c.known[string(c.batch.Name(Key(index)))] = Key(index)
	}
}

func (c *Changes) edit(event Event, key Key, offset, length uint32) {
	c.edits.events = append(c.edits.events, uint32(event.index))
	c.edits.keys = append(c.edits.keys, uint32(key))
	c.edits.values = append(c.edits.values, offset, length)
}

// span returns where bytes lie in the arena, at whose end they are put if they are not in it.
func (c *Changes) span(value []byte) (offset, length uint32) {
	if len(value) == 0 {
		return 0, 0
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(c.batch.arena)))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(value)))
	if at >= from && at+uintptr(len(value)) <= from+uintptr(len(c.batch.arena)) {
		return uint32(at - from), uint32(len(value))
	}
	offset = uint32(len(c.batch.arena) + len(c.appended))
	c.appended = append(c.appended, value...)
	return offset, uint32(len(value))
}

func (c *Changes) appendString(value string) (offset, length uint32) {
	offset = uint32(len(c.batch.arena) + len(c.appended))
	c.appended = append(c.appended, value...)
	return offset, uint32(len(value))
}

// finish turns events as they came in into events as they go out.
func (c *Changes) finish() {
	if c.discarded != nil {
		c.leaveOut()
	}
	if !slices.IsSorted(c.edits.events) {
		c.edits.sort()
	}
}

// leaveOut takes the events that are discarded from all columns of the output.
func (c *Changes) leaveOut() {
	places := make([]uint32, len(c.discarded))
	c.origins = make([]uint32, 0, len(c.discarded))
	for index, isDiscarded := range c.discarded {
		places[index] = uint32(len(c.origins))
		if isDiscarded {
			continue
		}
		if c.seconds != nil {
			c.seconds[len(c.origins)], c.nanoseconds[len(c.origins)] = c.seconds[index], c.nanoseconds[index]
		}
		c.origins = append(c.origins, uint32(index))
	}
	if c.seconds != nil {
		c.seconds, c.nanoseconds = c.seconds[:len(c.origins)], c.nanoseconds[:len(c.origins)]
	}
	var kept edits
	for place, event := range c.edits.events {
		if !c.discarded[event] {
			kept.events = append(kept.events, places[event])
			kept.keys = append(kept.keys, c.edits.keys[place])
			kept.values = append(kept.values, c.edits.values[2*place], c.edits.values[2*place+1])
		}
	}
	c.edits = kept
}

// sort brings edits into the order of their events.
func (e *edits) sort() {
	order := make([]int, len(e.events))
	for place := range order {
		order[place] = place
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(e.events[a]) - int(e.events[b]) })
	var sorted edits
	for _, place := range order {
		sorted.events = append(sorted.events, e.events[place])
		sorted.keys = append(sorted.keys, e.keys[place])
		sorted.values = append(sorted.values, e.values[2*place], e.values[2*place+1])
	}
	*e = sorted
}

const (
	// removed is the offset that removes a field or a name.
	removed = 1<<32 - 1
	// alarmsOfAKind is how many alarms of one kind a batch may have; the last stands for all that follow.
	alarmsOfAKind = 4
)
