//go:build !wasip1

package loglift

// Log writes one line to the agent's log, under the processor's name. In unit tests it does nothing.
func Log(level Level, message string) {}

// Zone returns the data of a time zone in TZif form (RFC 8536), as [time.LoadLocationFromTZData] takes it, by its name
// or as [Context.MachineZone]. It answers while the processor is configured, and only for zones that the agent knows.
// In unit tests it knows none.
func Zone(name string) ([]byte, bool) { return nil, false }
