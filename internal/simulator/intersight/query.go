package intersight

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/wire"
	"iam_session_exporter/internal/simulator/world"
)

// listQuery is the query options of a list request.
type listQuery struct {
	selected map[string]bool // nil: everything
	filter   filter          // nil: none
	orderBy  string          // "" for none
	backward bool
	top      int
	skip     int
	inline   bool // tell Count
	onlyCnt  bool // tell nothing else
}

// badQuery is a 400.
type badQuery struct {
	message string
	params  []string
}

func bad(format string, args ...string) *badQuery {
	list := make([]any, len(args))
	for n, a := range args {
		list[n] = a
	}
	return &badQuery{fmt.Sprintf(format, list...), args}
}

// write answers with the 400.
func (b *badQuery) write(w http.ResponseWriter, trace string) {
	fail(w, http.StatusBadRequest, wire.JSON, trace, "InvalidRequest", "barcelona_request_invalid", b.message, b.params...)
}

// schema says which properties objects have, and what can be done with each.
type schema struct{ known, ordered, texts func(property string) bool }

// parseList reads the query options.
func parseList(r *http.Request, o *Options, has schema) (listQuery, *badQuery) {
	q := listQuery{top: 100}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, bad("The query string is malformed.")
	}
	for name, v := range values {
		value := v[len(v)-1]
		var refused *badQuery
		switch name {
		case "$select":
			q.selected, refused = parseSelect(value, o, has.known)
		case "$filter":
			q.filter, refused = parseFilter(value, o, has.known, has.texts)
		case "$orderby":
			q.orderBy, q.backward, refused = parseOrder(value, has)
		case "$top":
			if q.top, refused = number(name, value); q.top > 1000 {
				if o.RefuseTop {
					return q, bad("The value of '%s' must not exceed 1000.", name)
				}
				q.top = 1000
			}
		case "$skip":
			q.skip, refused = number(name, value)
		case "$inlinecount":
			if q.inline = value == "allpages"; !q.inline && value != "none" {
				return q, bad("Invalid value for '%s'.", name)
			}
		case "$count":
			q.onlyCnt = value == "true"
		default:
			// $apply and $expand exist in the real one. A program that
			// relies on them must not think that this one understood.
			return q, bad("Query option '%s' is not supported.", name)
		}
		if refused != nil {
			return q, refused
		}
	}
	return q, nil
}

func number(name, value string) (int, *badQuery) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, bad("Invalid value for '%s'.", name)
	}
	return n, nil
}

func parseSelect(value string, o *Options, known func(string) bool) (map[string]bool, *badQuery) {
	out := map[string]bool{"Moid": true, "ClassId": true, "ObjectType": true}
	for name := range strings.SplitSeq(value, ",") {
		if known(name) {
			out[name] = true
			continue
		}
		switch o.Refusal {
		case RefuseNaming:
			return nil, bad("Property '%s' does not exist in the type.", name)
		case RefuseMute:
			return nil, bad("The query is invalid.")
		}
	}
	return out, nil
}

func parseOrder(value string, has schema) (property string, backward bool, refused *badQuery) {
	name, direction, _ := strings.Cut(value, " ")
	name, backward = strings.CutPrefix(name, "-")
	switch direction {
	case "", "asc":
	case "desc":
		backward = true
	default:
		return "", false, bad("Invalid value for '$orderby'.")
	}
	if !has.known(name) || !has.ordered(name) {
		return "", false, bad("Property '%s' can't be ordered by.", name)
	}
	return name, backward, nil
}

// orderings are the properties to order by, other than Moid.
var orderings = map[string]func(a, b *world.Session) int{
	"CreateTime":         func(a, b *world.Session) int { return a.Created.Compare(b.Created) },
	"ModTime":            func(a, b *world.Session) int { return a.Updated.Compare(b.Updated) },
	"Expiration":         func(a, b *world.Session) int { return a.Expires.Compare(b.Expires) },
	"IdleTimeExpiration": func(a, b *world.Session) int { return a.IdlesAt.Compare(b.IdlesAt) },
	"ClientIpAddress":    func(a, b *world.Session) int { return strings.Compare(a.ClientIP, b.ClientIP) },
	"Role":               func(a, b *world.Session) int { return strings.Compare(a.Role, b.Role) },
	"UserIdOrEmail":      func(a, b *world.Session) int { return strings.Compare(a.User, b.User) },
}

// page returns one page of the sessions that fit, and how many there are in all;
// a nil fits means every session.
func page(w *world.World, q listQuery, random *rand.Rand, ordered bool, fits func(*world.Session) bool) (rows []world.Session, total int) {
	byMoid := q.orderBy == "Moid" || q.orderBy == "" && ordered
	w.Look(session.Intersight, func(l world.Listed) {
		all := l.All()
		if byMoid {
			all = l.InOrder()
		}
		all = those(all, fits)
		total = len(all)
		from := min(q.skip, total)
		n := min(q.top, total-from)
		if n == 0 {
			return
		}
		rows = make([]world.Session, n)
		switch {
		case byMoid:
			for i := range rows {
				k := from + i
				if q.backward {
					k = total - 1 - k
				}
				rows[i] = all[k].Session
			}
		case q.orderBy == "":
			// Any n of a new order each time, so the offset does not matter.
			for i, e := range sample(random, all, n) {
				rows[i] = e.Session
			}
		default:
			// Equal ones come in a new order each time.
			list := sample(random, all, total)
			by := orderings[q.orderBy]
			slices.SortStableFunc(list, func(a, b *world.Entry) int {
				if q.backward {
					a, b = b, a
				}
				return by(&a.Session, &b.Session)
			})
			for i := range rows {
				rows[i] = list[from+i].Session
			}
		}
	})
	return rows, total
}

// those are the entries that fit.
func those(all []*world.Entry, fits func(*world.Session) bool) []*world.Entry {
	if fits == nil {
		return all
	}
	var out []*world.Entry
	for _, e := range all {
		if fits(&e.Session) {
			out = append(out, e)
		}
	}
	return out
}

// sample draws n different entries in random order.
func sample(random *rand.Rand, from []*world.Entry, n int) []*world.Entry {
	list := slices.Clone(from)
	for i := range n {
		j := i + random.IntN(len(list)-i)
		list[i], list[j] = list[j], list[i]
	}
	return list[:n]
}
