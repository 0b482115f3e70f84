package plan

import (
	"cmp"
	"slices"
	"strings"
)

// conclude takes the last look and says what is proven.
func (s *scrape) conclude() Result {
	if !s.alone && !s.over && s.asked > 1 && s.asker.Left() > 0 {
		s.one(Query{})
		for _, f := range []field{fieldIP, fieldStore, fieldUser} {
			s.sum(f)
		}
	}
	if s.asked > 1 && s.listed != s.total && s.mem.can.Total != All && s.mem.can.ExactIP != Exact && (s.total == 100 || s.total == 200) && s.last == s.total {
		// Limits of a search that are usual, and nothing can be asked that would
		// show whether this is one.
		s.fail("total_looks_capped")
	}
	r := Result{Total: s.total, Last: s.last, Impersonating: -1, Idle: -1, Expired: -1,
		Untrusted: s.untrusted, Notes: s.notes, Folded: s.mem.can.Case == Insensitive}
	if s.untrusted != "" {
		return r
	}
	for f := range s.broken {
		if f == fieldIP && s.mem.can.ExactIP == Exact || f == fieldStore && s.mem.can.ExactStore == Exact {
			s.mem.probed = 0 // what was believed is contradicted
			s.note("rows did not fit their filter: it is not used, and will be probed again")
			break
		}
	}
	r.Listed = s.alive()
	r.Complete = s.listed == s.total && (s.total < Window || s.mem.beyond)
	if !r.Complete {
		r.Addresses, r.Stores = s.counted(fieldIP), s.counted(fieldStore)
		r.Impersonating, r.Idle, r.Expired = s.flagged, s.idle, s.expired
		if s.broken[fieldFlag] {
			r.Impersonating = -1
		}
	}
	if !s.alone {
		s.mem.learn(s)
	}
	return r
}

// alive returns those listed that were alive at t0. Those of the very second of
// t0 may be too many: the youngest go.
func (s *scrape) alive() []int {
	var rows []Row
	for _, r := range s.rows {
		if r.Created <= s.t0 {
			rows = append(rows, r)
		}
	}
	if len(rows) > s.total {
		slices.SortStableFunc(rows, func(a, b Row) int {
			if s.sure[a.Ref] != s.sure[b.Ref] {
				if s.sure[a.Ref] {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.Created, b.Created)
		})
		rows = rows[:s.total]
	}
	refs := make([]int, len(rows))
	for i := range rows {
		refs[i] = rows[i].Ref
	}
	return refs
}

// counted returns the totals asked for by a field that is proven to be exact.
// Where they exceed the whole by as little as it moves, the smallest are left
// out; so are those that came out smaller than what is listed of them.
func (s *scrape) counted(f field) map[string]int {
	if s.exact(f) != Exact || s.broken[f] {
		return nil
	}
	twice := s.ambiguous(f)
	listed := map[string]int{}
	for i := range s.rows {
		if r := &s.rows[i]; r.Created <= s.t0 {
			switch f {
			case fieldIP:
				listed[r.IP]++
			case fieldStore:
				listed[r.Store]++
			}
		}
	}
	var parts []*set
	sum, sumListed := 0, 0
	for _, x := range s.order {
		v := x.value()
		if x.q.field() != f || x.asked == 0 || x.total == 0 || strings.HasSuffix(v, "*") || twice[strings.ToLower(v)] || x.total < listed[v] {
			continue
		}
		parts = append(parts, x)
		sum, sumListed = sum+x.total, sumListed+listed[v]
	}
	slices.SortStableFunc(parts, func(a, b *set) int { return cmp.Compare(a.total, b.total) })
	// What the parts say beyond what is listed must find room in what is not.
	room, beyond := s.total-min(s.listed, s.total), sum-sumListed
	parts = slices.DeleteFunc(parts, func(x *set) bool {
		more := x.total - listed[x.value()]
		if beyond <= room || more == 0 {
			return false
		}
		beyond -= more
		return true
	})
	out := make(map[string]int, len(parts))
	for _, x := range parts {
		out[x.value()] = x.total
	}
	return out
}
