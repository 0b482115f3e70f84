package search

import "iam_session_exporter/internal/oam/filter"

// FreshAfter is how many seconds pass until the same search counts as another.
const FreshAfter = 60 * 60

// Lessons are what earlier refreshes have learnt of where sessions are. Strategies
// read them and don't change them.
type Lessons struct {
	Addresses map[string]Value
	Users     map[string]Value       // of those worth asking for in a large world
	Stores    map[string]int64       // seen at
	Parted    map[filter.Query]int64 // parts of stores and addresses that were asked for, when
	Places    []Place                // the last list

	InPlace map[string]int // addresses that were counted, and by how many sessions
	Crowded bool           // more addresses are known than a refresh can count
	Settled bool           // the largest addresses are known

	Turned  float64 // rows that ever were samples of addresses
	Sampled float64 // rows that the samples of addresses are of, those of long ago less

	AgesRefused bool // a store's sessions can't be narrowed by times
}

// Value is what is known of a value of a field.
type Value struct {
	Size    int     // its total when it was last asked for; -1: never
	Samples float64 // rows of it that turned up incidentally
	Since   float64 // of these, those after it was last asked for
	From    float64 // rows that had turned up by then, of any value
	At      int64
	Asked   int64 // when it was asked for last; 0: never
}

// Place is where sessions of the last list were: rows that differ by neither user,
// address, store nor flag. Its times are the latest ones.
type Place struct {
	filter.Row
	Sessions int
}
