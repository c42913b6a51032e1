// Grows its heap, has it collected and calls WASI, all in every batch: a runtime and an adapter that shared memory
// would show.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"loglift"
)

// Config is what stands in the pipeline config.
type Config struct{ Blocks int }

type grow struct {
	blocks  int
	kept    [][]byte
	zone    *time.Location
	batches int
}

func init() {
	loglift.Register(loglift.Description{Name: "processor_grow", Version: "0.1.0"}, Config{}, configure)
}

func configure(config Config, _ loglift.Context) (loglift.Processor, loglift.Setup, error) {
	data, _ := loglift.Zone("Europe/Berlin")
	zone, err := time.LoadLocationFromTZData("Europe/Berlin", data)
	return &grow{blocks: config.Blocks, zone: zone}, loglift.Setup{}, err
}

func (g *grow) Process(batch *loglift.Batch, changes *loglift.Changes) error {
	for number, block := range g.kept {
		for at := 0; at < len(block); at += 1009 {
			if block[at] != byte(number+at) {
				return fmt.Errorf("byte %d of block %d is %d", at, number, block[at])
			}
		}
	}
	if len(g.kept) < g.blocks {
		block := make([]byte, 1<<20)
		for at := range block {
			block[at] = byte(len(g.kept) + at)
		}
		g.kept = append(g.kept, block)
		runtime.GC()
	}
	g.batches++
	fmt.Fprintf(os.Stderr, "batch %d\n", g.batches)
	_, err := os.ReadFile("/etc/hostname")
	if err == nil {
		return fmt.Errorf("it reads a file that it was not granted")
	}
	result := changes.Key("result")
	for event := range batch.Events() {
		now := time.Unix(0, 0).In(g.zone).Format("15:04")
		changes.SetString(event, result, fmt.Sprintf("%d blocks, %s", len(g.kept), now))
	}
	return nil
}

func main() {}
