package simulator

import (
	"slices"
	"strings"

	"iam_session_exporter/internal/session"
)

// The dimensions by which a pool finds sessions without looking at them all.
const (
	byAll = iota
	byID
	byIP
	byStore
	byUser
	byFlag
	dimensions
)

// pool is the sessions of one API that are listed now.
type pool struct {
	Population
	api session.API
	log eventLog

	// index lists the entries by the value of each dimension; entry.at says
	// where in its list an entry is, so that removing one is quick.
	index [dimensions]map[string][]*entry

	// Moids in order, brought up to date when asked for.
	sorted []*entry
	fresh  []*entry
	stale  bool
}

func newPool(api session.API, p Population, maxEvents int) *pool {
	out := &pool{Population: p, api: api, log: eventLog{max: maxEvents}}
	for d := range out.index {
		out.index[d] = make(map[string][]*entry)
	}
	return out
}

func keyOf(dimension int, s *Session) string {
	switch dimension {
	case byID:
		return s.ID
	case byIP:
		return s.ClientIP
	case byStore:
		return s.Store
	case byUser:
		return s.User
	case byFlag:
		if s.Impersonating {
			return "true"
		}
		return "false"
	}
	return ""
}

func (p *pool) all() []*entry { return p.index[byAll][""] }

func (p *pool) find(id string) *entry {
	if l := p.index[byID][id]; len(l) > 0 {
		return l[0]
	}
	return nil
}

func (p *pool) insert(e *entry) {
	p.file(e)
	p.fresh = append(p.fresh, e)
}

func (p *pool) remove(e *entry) {
	p.unfile(e)
	e.gone = true
	p.stale = true
}

// change edits a listed session, keeping the indexes right.
func (p *pool) change(e *entry, edit func(*Session)) {
	id := e.ID
	p.unfile(e)
	edit(&e.Session)
	p.file(e)
	if e.ID != id {
		p.sorted, p.fresh, p.stale = nil, slices.Clone(p.all()), false
	}
}

func (p *pool) file(e *entry) {
	for d := range p.index {
		k := keyOf(d, &e.Session)
		e.at[d] = len(p.index[d][k])
		p.index[d][k] = append(p.index[d][k], e)
	}
}

func (p *pool) unfile(e *entry) {
	for d := range p.index {
		k := keyOf(d, &e.Session)
		list := p.index[d][k]
		last := len(list) - 1
		list[e.at[d]] = list[last]
		list[e.at[d]].at[d] = e.at[d]
		list[last] = nil
		if last == 0 {
			delete(p.index[d], k)
		} else {
			p.index[d][k] = list[:last]
		}
	}
}

// inOrder lists the entries by id. The list is the pool's own: read only, and
// only until the pool changes.
func (p *pool) inOrder() []*entry {
	isGone := func(e *entry) bool { return e.gone }
	if p.stale {
		p.sorted = slices.DeleteFunc(p.sorted, isGone)
		p.fresh = slices.DeleteFunc(p.fresh, isGone)
		p.stale = false
	}
	if len(p.fresh) == 0 {
		return p.sorted
	}
	byID := func(a, b *entry) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(p.fresh, byID)
	merged := make([]*entry, 0, len(p.sorted)+len(p.fresh))
	old, fresh := p.sorted, p.fresh
	for len(old) > 0 && len(fresh) > 0 {
		if byID(old[0], fresh[0]) <= 0 {
			merged, old = append(merged, old[0]), old[1:]
		} else {
			merged, fresh = append(merged, fresh[0]), fresh[1:]
		}
	}
	merged = append(append(merged, old...), fresh...)
	p.sorted, p.fresh = merged, nil
	return merged
}
