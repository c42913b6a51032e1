// Keeps a share of traces: all events of a trace that is kept, none of one that is not.
package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"

	"loglift"
)

// Config is what stands in the pipeline config.
type Config struct {
	// Key is the field with the id of the trace.
	Key string
	// Percent of all traces are kept.
	Percent float64
	// Missing says what becomes of events without the field: keep or drop.
	Missing string
}

// sample decides by a hash of the id, so that every agent that meets a trace decides the same.
type sample struct {
	key          string
	keptBelow    uint64
	dropsMissing bool
}

func init() {
	loglift.Register(loglift.Description{
		Name:    "processor_sample",
		Version: "0.1.0",
		Summary: "Keeps a share of traces, each with all of its events.",
		Schema: `{
			"type": "object",
			"properties": {
				"Key": {"type": "string", "minLength": 1, "description": "The field with the id of the trace."},
				"Percent": {
					"type": "number", "minimum": 0, "maximum": 100, "description": "How many of 100 traces are kept."
				},
				"Missing": {
					"type": "string", "enum": ["keep", "drop"],
					"description": "What becomes of events without the field."
				}
			},
			"required": ["Percent"]
		}`,
	}, Config{Key: "trace_id", Percent: math.NaN(), Missing: "keep"}, configure)
}

func configure(config Config, _ loglift.Context) (loglift.Processor, loglift.Setup, error) {
	var issues []error
	issue := func(path, message string) { issues = append(issues, loglift.Issue{Path: path, Message: message}) }
	if config.Key == "" {
		issue("Key", "must not be empty")
	}
	switch {
	case math.IsNaN(config.Percent):
		issue("Percent", "is missing")
	case config.Percent < 0 || config.Percent > 100:
		issue("Percent", "expected 0 to 100")
	}
	if config.Missing != "keep" && config.Missing != "drop" {
		issue("Missing", "expected keep or drop, found "+config.Missing)
	}
	setup := loglift.Setup{
		Reads: []string{config.Key},
		Notes: []string{fmt.Sprintf("keeps %g of 100 traces by %s", config.Percent, config.Key)},
	}
	return &sample{
		key:          config.Key,
		keptBelow:    uint64(config.Percent / 100 * (1 << hashBits)),
		dropsMissing: config.Missing == "drop",
	}, setup, errors.Join(issues...)
}

func (s *sample) Process(batch *loglift.Batch, changes *loglift.Changes) error {
	key := batch.Key(s.key)
	for event := range batch.Events() {
		switch id, ok := event.Value(key); {
		case !ok && s.dropsMissing:
			changes.Discard(event)
			changes.Count("sample_dropped_without_key_total", 1)
		case !ok:
			changes.Outcome(event, loglift.KeyNotFound)
		case !s.keeps(id):
			changes.Discard(event)
			changes.Count("sample_dropped_total", 1)
		}
	}
	return nil
}

// keeps decides a trace. Ids are often random, but some are numbers that count up: the hash spreads those too.
func (s *sample) keeps(id []byte) bool {
	hash := fnv.New64a()
	hash.Write(id)
	return mix(hash.Sum64())>>(64-hashBits) < s.keptBelow
}

// mix has every bit of a number bear on the upper ones, which FNV leaves alike for ids that differ at their end.
func mix(n uint64) uint64 {
	n ^= n >> 32
	n *= 0xd6e8feb86659fd93
	n ^= n >> 32
	n *= 0xd6e8feb86659fd93
	return n ^ n>>32
}

// hashBits are as many as decide exactly with the numbers that a Percent can be.
const hashBits = 52

func main() {}
