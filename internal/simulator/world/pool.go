package world

import (
	"slices"
	"strings"

	"iam_session_exporter/internal/session"
)

// By is what sessions are found by, without looking at them all.
type By int

const (
	ByAll By = iota
	ByID
	ByIP
	ByStore
	ByUser
	ByFlag
	kinds
)

// Of is the value by which a session is found.
func (b By) Of(s *Session) string {
	switch b {
	case ByID:
		return s.ID
	case ByIP:
		return s.ClientIP
	case ByStore:
		return s.Store
	case ByUser:
		return s.User
	case ByFlag:
		if s.Impersonating {
			return "true"
		}
		return "false"
	}
	return ""
}

// pool is the sessions of one API that are listed now.
type pool struct {
	Population
	api session.API
	log eventLog

	// index lists the entries by each of their values; Entry.at says where
	// in its list an entry is, so that removing one is quick.
	index [kinds]map[string][]*Entry

	// Moids in order, brought up to date when asked for.
	sorted []*Entry
	fresh  []*Entry
	stale  bool
}

func newPool(api session.API, p Population, maxEvents int) *pool {
	out := &pool{Population: p, api: api, log: eventLog{max: maxEvents}}
	for d := range out.index {
		out.index[d] = make(map[string][]*Entry)
	}
	return out
}

func (p *pool) all() []*Entry { return p.index[ByAll][""] }

func (p *pool) find(id string) *Entry {
	if l := p.index[ByID][id]; len(l) > 0 {
		return l[0]
	}
	return nil
}

func (p *pool) insert(e *Entry) {
	p.file(e)
	p.fresh = append(p.fresh, e)
}

func (p *pool) remove(e *Entry) {
	p.unfile(e)
	e.gone = true
	p.stale = true
}

// change edits a listed session, keeping the indexes right.
func (p *pool) change(e *Entry, edit func(*Session)) {
	id := e.ID
	p.unfile(e)
	edit(&e.Session)
	p.file(e)
	if e.ID != id {
		p.sorted, p.fresh, p.stale = nil, slices.Clone(p.all()), false
	}
}

func (p *pool) file(e *Entry) {
	for d := range p.index {
		k := By(d).Of(&e.Session)
		e.at[d] = len(p.index[d][k])
		p.index[d][k] = append(p.index[d][k], e)
	}
}

func (p *pool) unfile(e *Entry) {
	for d := range p.index {
		k := By(d).Of(&e.Session)
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
func (p *pool) inOrder() []*Entry {
	isGone := func(e *Entry) bool { return e.gone }
	if p.stale {
		p.sorted = slices.DeleteFunc(p.sorted, isGone)
		p.fresh = slices.DeleteFunc(p.fresh, isGone)
		p.stale = false
	}
	if len(p.fresh) == 0 {
		return p.sorted
	}
	byID := func(a, b *Entry) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(p.fresh, byID)
	merged := make([]*Entry, 0, len(p.sorted)+len(p.fresh))
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
