package detection

import (
	"net/netip"
	"slices"
)

// The parts of an address that are taken for a network that has no name.
const (
	prefixIPv4 = 24
	prefixIPv6 = 48
)

// NewPlace returns the place of a canonical address. network is the name of the
// configured network that it is in, "" if there is none.
func NewPlace(a netip.Addr, network string) Place {
	p := Place{Address: a.String(), Network: network, IPv6: a.Is6()}
	bits := prefixIPv4
	if p.IPv6 {
		bits = prefixIPv6
	}
	if prefix, err := a.Prefix(bits); err == nil && network == "" {
		p.Prefix = prefix.String()
	}
	return p
}

// places are where the sessions of one snapshot are from. Each address is looked
// up once, if anything asks for it.
type places struct {
	of     []int32 // of each session, from 1; 0: not looked up
	all    []placed
	byText map[string]int32 // as the API formats it
}

type placed struct {
	Place
	ok      bool
	address int32 // the place of its canonical text
}

func newPlaces(sessions, most int) places {
	return places{of: make([]int32, sessions), all: make([]placed, 0, most), byText: make(map[string]int32, most)}
}

// place says where a session is from.
func (j *judge) place(n int32) *placed {
	t := &j.table
	if t.of[n] == 0 {
		t.of[n] = t.find(j.snapshot.Sessions[n].ClientIP, j.cfg.locate)
	}
	return &t.all[t.of[n]-1]
}

func (t *places) find(text string, locate func(string) (Place, bool)) int32 {
	if i := t.byText[text]; i != 0 {
		return i
	}
	var p placed
	if text != "" {
		p.Place, p.ok = locate(text)
	}
	t.all = append(room(t.all), p)
	i := int32(len(t.all))
	t.byText[text] = i
	canonical := i
	if p.ok && p.Address != text {
		canonical = t.find(p.Address, locate)
	}
	t.all[i-1].address = canonical
	return i
}

// byAddress lists some sessions of users by the number of their address.
type byAddress struct {
	address []int32 // of each session; 0: it is left out
	from    []int32 // in sessions, of each address and of the next
	all     []int32
}

// at returns the sessions at an address.
func (t *byAddress) at(address int32) []int32 {
	return t.all[t.from[address]:t.from[address+1]:t.from[address+1]]
}

// byAddress lists the sessions of users that fit and whose address is known.
func (j *judge) byAddress(fits func(n int32, p *placed) bool) *byAddress {
	t := &byAddress{address: make([]int32, len(j.of))}
	for i, u := range j.of {
		if u < 0 {
			continue
		}
		if p := j.place(int32(i)); p.ok && fits(int32(i), p) {
			t.address[i] = p.address
		}
	}
	t.from = make([]int32, len(j.table.all)+2)
	for _, a := range t.address {
		t.from[a]++
	}
	var sum int32
	for a, n := range t.from {
		sum += n
		t.from[a] = sum
	}
	t.all = make([]int32, len(t.address))
	for i := len(t.address) - 1; i >= 0; i-- { // so that from ends up where each begins
		a := t.address[i]
		t.from[a]--
		t.all[t.from[a]] = int32(i)
	}
	return t
}

// aliveAt returns the live sessions of users at an address.
func (j *judge) aliveAt(address int32) []int32 {
	if j.alive == nil {
		j.alive = j.byAddress(func(n int32, _ *placed) bool { return j.flags[n]&isAlive != 0 })
	}
	return j.alive.at(address)
}

// room makes room for as many again if a slice is full. append alone makes less, and
// leaves five times the slice behind until it is large.
func room[T any](s []T) []T {
	if len(s) < cap(s) {
		return s
	}
	return slices.Grow(s, max(len(s), 64))
}
