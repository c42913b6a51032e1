package loglift

import (
	"iter"
	"strings"
)

// Batch holds events of one source in read order; one event or more.
type Batch struct {
	arena       []byte
	seconds     []int64
	nanoseconds []uint32
	names       []uint32
	fieldCounts []uint32
	keys        []uint32
	values      []uint32
	tagNames    []uint32
	tagValues   []uint32
	readSeconds int64
}

// Event is one event of a [Batch].
type Event struct {
	batch      *Batch
	index      int
	firstField int
	fieldCount int
}

// Key is a field name, as an index into the dictionary of a batch.
type Key uint32

// NoKey is the key of a name that no event of the batch has.
const NoKey Key = 1<<32 - 1

// Len returns how many events there are: one or more.
func (b *Batch) Len() int { return len(b.seconds) }

// Events returns the events, in read order.
func (b *Batch) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		first := 0
		for index, count := range b.fieldCounts {
			if !yield(Event{b, index, first, int(count)}) {
				return
			}
			first += int(count)
		}
	}
}

// ReadSeconds returns when the agent read these events, in Unix seconds: the only clock that a processor needs.
func (b *Batch) ReadSeconds() int64 { return b.readSeconds }

// Key returns the key of a field name, or [NoKey].
func (b *Batch) Key(name string) Key {
	for index := range len(b.names) / 2 {
		if string(slice(b.arena, b.names, index)) == name {
			return Key(index)
		}
	}
	return NoKey
}

// Name returns the name of a key of this batch.
func (b *Batch) Name(key Key) []byte { return slice(b.arena, b.names, int(key)) }

// Tags returns name and value of what belongs to the batch as a whole, such as the path.
func (b *Batch) Tags() iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for index := range len(b.tagNames) / 2 {
			if !yield(slice(b.arena, b.tagNames, index), slice(b.arena, b.tagValues, index)) {
				return
			}
		}
	}
}

// Tag returns the value of a tag.
func (b *Batch) Tag(name string) ([]byte, bool) {
	for known, value := range b.Tags() {
		if string(known) == name {
			return value, true
		}
	}
	return nil, false
}

// Index returns the place of the event in its batch.
func (e Event) Index() int { return e.index }

// Len returns how many fields the event has.
func (e Event) Len() int { return e.fieldCount }

// Time returns Unix seconds, and nanoseconds below a second.
func (e Event) Time() (seconds int64, nanoseconds uint32) {
	return e.batch.seconds[e.index], e.batch.nanoseconds[e.index]
}

// Value returns the value of a field. The slice is part of the batch, and gone with it.
func (e Event) Value(key Key) ([]byte, bool) {
	for place, known := range e.batch.keys[e.firstField : e.firstField+e.fieldCount] {
		if known == uint32(key) {
			return slice(e.batch.arena, e.batch.values, e.firstField+place), true
		}
	}
	return nil, false
}

// Fields returns keys and values, in order.
func (e Event) Fields() iter.Seq2[Key, []byte] {
	return func(yield func(Key, []byte) bool) {
		for field := e.firstField; field < e.firstField+e.fieldCount; field++ {
			if !yield(Key(e.batch.keys[field]), slice(e.batch.arena, e.batch.values, field)) {
				return
			}
		}
	}
}

// slice returns a range of the arena. It cannot grow into what follows.
func slice(arena []byte, spans []uint32, index int) []byte {
	start := spans[2*index]
	end := start + spans[2*index+1]
	return arena[start:end:end]
}

// Excerpt returns a value as an alarm shows it: as text, and cut to 256 bytes.
func Excerpt(value []byte) string {
	const most = 256
	if len(value) <= most {
		return strings.ToValidUTF8(string(value), "\ufffd")
	}
	// What is cut in the middle of a character has no use for its first half.
	return strings.TrimSuffix(strings.ToValidUTF8(string(value[:most]), "\ufffd"), "\ufffd") + "..."
}
