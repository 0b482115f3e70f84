package plan

import (
	"maps"
	"slices"
	"testing"

	"iam_session_exporter/internal/oam/evidence"
)

func anybody(string) bool { return true }

func TestWhoHoldsAPlace(t *testing.T) {
	type sizes = map[string]int
	for _, c := range []struct {
		name    string
		before  sizes
		counted sizes
		unasked []string // of those in place
		n       int
		want    []string
	}{
		{"free places go to the largest", nil, sizes{"a": 5, "b": 7, "c": 6}, nil, 2, []string{"b", "c"}},
		{"of two alike to the first by name", nil, sizes{"b": 5, "a": 5}, nil, 1, []string{"a"}},
		{"a tie goes to the one in place", sizes{"b": 5}, sizes{"b": 5, "a": 5}, nil, 1, []string{"b"}},
		{"so does one that is hardly larger", sizes{"b": 100}, sizes{"b": 100, "a": 110}, nil, 1, []string{"b"}},
		{"one that is clearly larger comes", sizes{"b": 100}, sizes{"b": 100, "a": 111}, nil, 1, []string{"a"}},
		{"one more is not clearly larger", sizes{"b": 1}, sizes{"b": 1, "a": 2}, nil, 1, []string{"b"}},
		{"the smallest gives way", sizes{"a": 30, "b": 20, "c": 10}, sizes{"a": 30, "b": 20, "c": 10, "d": 25}, nil, 3, []string{"a", "b", "d"}},
		{"each to one larger than itself", sizes{"a": 30, "b": 20, "c": 10}, sizes{"a": 30, "b": 20, "c": 10, "d": 25, "e": 24}, nil, 3, []string{"a", "d", "e"}},
		{"one that is no more leaves its place", sizes{"a": 30, "b": 20}, sizes{"a": 30, "c": 1}, nil, 2, []string{"a", "c"}},
		{"one that could not be asked for keeps it", sizes{"a": 30, "b": 20}, sizes{"a": 30, "c": 21}, []string{"b"}, 2, []string{"a", "b"}},
		{"unless another is clearly larger", sizes{"a": 30, "b": 20}, sizes{"a": 30, "c": 25}, []string{"b"}, 2, []string{"a", "c"}},
		{"where there are fewer places the smallest go", sizes{"a": 30, "b": 20, "c": 10}, sizes{"a": 30, "b": 20, "c": 10}, nil, 2, []string{"a", "b"}},
		{"no places", sizes{"a": 30}, sizes{"a": 30}, nil, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := NewMemory()
			m.lessons.InPlace = c.before
			log := evidence.New(evidence.Setup{})
			for ip := range c.before {
				if !slices.Contains(c.unasked, ip) {
					log.Add(Query{IP: ip}, Answer{})
				}
			}
			m.hold(c.counted, c.n, log, anybody)
			if got := slices.Sorted(maps.Keys(m.lessons.InPlace)); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// Where case is ignored, a place is kept by an address however it is spelled.
func TestAPlaceIsKeptInAnySpelling(t *testing.T) {
	m := NewMemory()
	m.proven.Can.Case = Insensitive
	m.lessons.InPlace = map[string]int{"2001:DB8::1": 5}
	log := evidence.New(evidence.Setup{Past: m.proven})
	log.Add(Query{}, Answer{Total: 9, Rows: []Row{{IP: "2001:db8::1"}}})
	log.Add(Query{IP: "2001:db8::1"}, Answer{})
	m.hold(map[string]int{"2001:db8::1": 5, "2001:db8::2": 5}, 1, log, anybody)
	if len(m.lessons.InPlace) != 1 || m.lessons.InPlace["2001:db8::1"] != 5 {
		t.Errorf("got places %v, want the one that was remembered", m.lessons.InPlace)
	}
}

// What can't be handed over gets no place, and loses the one it has.
func TestNoPlaceForWhatCannotBeHandedOver(t *testing.T) {
	m := NewMemory()
	m.lessons.InPlace = map[string]int{"host": 9, "a": 2}
	sole := func(ip string) bool { return ip != "host" && ip != "other" }
	m.hold(map[string]int{"host": 9, "other": 8, "a": 2, "b": 3}, 2, evidence.New(evidence.Setup{}), sole)
	if got := slices.Sorted(maps.Keys(m.lessons.InPlace)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got places %v, want a and b", got)
	}
}

// Whatever is estimated, a refresh counts those in place before it looks for others.
func TestThoseInPlaceAreCountedFirst(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		for _, most := range []int{60, 120, 200} {
			a := newAnswerer(mid(2, 20_000, 1500, 4, 6000), 2, most)
			a.fixed = fixed
			m := NewMemory()
			for range 4 {
				a.now += 30
				refreshOf(t, a, m, Limits{Addresses: 100})
			}
			before := m.lessons.InPlace
			a.queries = nil
			a.now += 30
			r := refreshOf(t, a, m, Limits{Addresses: 100})
			first := 0 // how many in place were counted before any other
			for _, q := range a.queries {
				if q.Field() != fieldIP {
					continue
				}
				if _, in := before[q.IP]; !in {
					break
				}
				first++
			}
			if first < len(before) || len(before) < min(100, most/2) {
				t.Errorf("fixed %v, %d queries: got %d in place, %d of them counted first, %d counted; want all in place first, and at least %d", fixed, most, len(before), first, len(r.Addresses), min(100, most/2))
			}
		}
	}
}
