package oam

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// What is counted is a text, and what is published is an address. A server may
// have one address in several texts: with a port, which differs from session to
// session; with the proxies that a request came through; IPv6 in upper case, and so
// on. The count of an address by one text is right only if it has no other one.
// That can't be asked for, so it is taken to be so of an address that came in the
// format of most others only, unless several formats are nothing special here.

const (
	oddFor = 24 * time.Hour // how long an address is remembered as having several formats, or an unusual one
	maxOdd = 10_000         // addresses so remembered
	few    = 4              // addresses that don't say anything of the others
)

// family is IPv4 or IPv6.
type family uint8

// formats remembers how a server formats addresses.
type formats struct {
	usual [2]int // by family: the format of most addresses, an index into those that inFormats returns
	odd   map[netip.Addr]oddity
	mixed [2]time.Time // by family: when it was last seen that any address may have several formats
	now   time.Time
}

// oddity is an address in another format than the usual one.
type oddity struct {
	at     time.Time
	others bool // was seen in others, too
}

// written is an address as rows have it.
type written struct {
	texts []string
	zone  bool
}

// look takes in the addresses of a refresh's rows.
func (f *formats) look(rows []row, now time.Time) {
	f.now = now
	seen := readAddresses(rows)
	f.vote(seen)
	f.forget()
	var all, odd, others [2]int
	for a, x := range seen {
		v := familyOf(a)
		all[v]++
		if f.note(a, x) {
			odd[v]++
		}
		if f.odd[a].others {
			others[v]++
		}
	}
	for v := range f.mixed {
		// If many are odd, or many have several texts, others may, too: not if some are.
		if odd[v] >= few && 3*odd[v] > all[v] || others[v] >= few && 3*others[v] > all[v] || len(f.odd) > maxOdd {
			f.mixed[v] = now
		}
	}
}

// readAddresses returns the addresses of rows, without their zones.
func readAddresses(rows []row) map[netip.Addr]*written {
	texts, seen := map[string]bool{}, map[netip.Addr]*written{}
	for i := range rows {
		text := rows[i].clientIP
		if texts[text] {
			continue
		}
		texts[text] = true
		a, ok := firstAddress(text)
		if !ok {
			continue
		}
		x := seen[a.WithZone("")]
		if x == nil {
			x = new(written)
			seen[a.WithZone("")] = x
		}
		x.texts, x.zone = append(x.texts, text), x.zone || a.Zone() != ""
	}
	return seen
}

// vote finds the format of most addresses.
func (f *formats) vote(seen map[netip.Addr]*written) {
	var votes [2][6]int
	for a, x := range seen {
		for i, format := range inFormats(a) {
			if slices.Contains(x.texts, format) {
				votes[familyOf(a)][i]++
			}
		}
	}
	for v := range votes {
		for i, n := range votes[v] {
			if n > votes[v][f.usual[v]] {
				f.usual[v] = i
			}
		}
	}
}

// forget drops what was noted long ago.
func (f *formats) forget() {
	if f.odd == nil || len(f.odd) > maxOdd {
		f.odd = map[netip.Addr]oddity{}
	}
	for a, o := range f.odd {
		if f.now.Sub(o.at) > oddFor {
			delete(f.odd, a)
		}
	}
}

// note remembers an address that has another format than the usual one, or had one
// lately. It reports whether it has one now that it needs not have: a zone is of the
// few addresses that need one.
func (f *formats) note(a netip.Addr, x *written) (odd bool) {
	was, known := f.odd[a]
	if regular := len(x.texts) == 1 && x.texts[0] == inFormats(a)[f.usual[familyOf(a)]]; !regular {
		f.odd[a] = oddity{f.now, was.others || len(x.texts) > 1 && !x.zone}
		return !x.zone
	}
	if known {
		f.odd[a] = oddity{was.at, true}
	}
	return false
}

// sole reports whether a text is an address, and the only text of it.
func (f *formats) sole(text string) bool {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	v := familyOf(a)
	_, odd := f.odd[a]
	return !odd && text == inFormats(a)[f.usual[v]] && !f.any(v)
}

// any reports whether any address of a family may have several texts.
func (f *formats) any(v family) bool { return !f.mixed[v].IsZero() && f.now.Sub(f.mixed[v]) <= oddFor }

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return 0
	}
	return 1
}

// inFormats returns an address in the formats that a server may use for all.
func inFormats(a netip.Addr) []string {
	short := a.WithZone("").String()
	if a.Is4() {
		return []string{short, "::ffff:" + short, "::FFFF:" + short}
	}
	padded := a.WithZone("").StringExpanded()
	var groups []string // as Java writes them
	for _, group := range strings.Split(padded, ":") {
		n, err := strconv.ParseUint(group, 16, 16)
		if err != nil {
			return []string{short}
		}
		groups = append(groups, strconv.FormatUint(n, 16))
	}
	long := strings.Join(groups, ":")
	return []string{short, long, padded, strings.ToUpper(short), strings.ToUpper(long), strings.ToUpper(padded)}
}

// firstAddress returns the address that a text is, or the first of those that it
// lists, without a port, with its zone.
func firstAddress(text string) (netip.Addr, bool) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }) {
		a, err := netip.ParseAddr(part)
		if err != nil {
			ap, err := netip.ParseAddrPort(part)
			if err != nil && strings.HasSuffix(part, "]") {
				ap, err = netip.ParseAddrPort(part + ":0") // brackets are IPv6's, with a port or without
			}
			if err != nil {
				continue
			}
			a = ap.Addr()
		}
		return a.Unmap(), true
	}
	return netip.Addr{}, false
}
