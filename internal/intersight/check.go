package intersight

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

var _ session.Checker = (*Source)(nil)

// Check implements session.Checker: a page of iam/Sessions, then one of each other
// list that refreshes read.
func (s *Source) Check(ctx context.Context) *session.Check {
	l := &lister{Source: s, endpoint: s.sessions, answered: func() {}, once: true}
	page, err := l.listOnce(ctx)
	if err == nil {
		page, err = page.orVoid()
	}
	if isPage(err) {
		status, _ := errors.AsType[*httpclient.StatusError](err)
		return &session.Check{Err: &session.Error{Reason: session.ReasonHTTP, Err: status}, Remedy: "the page is not Intersight's: a gateway or a proxy before it asks for a login, or forbids this path; have it let the path through"}
	}
	if err != nil {
		return &session.Check{Err: bare(err), Remedy: s.remedy(err)}
	}
	c := &session.Check{Seen: page.snapshot(), Rights: []session.Right{{What: nameOf(s.sessions)}}}
	others := s.others()
	var wg sync.WaitGroup
	for i := range others {
		wg.Go(func() { others[i].ask(ctx) })
	}
	wg.Wait()
	for i := range others {
		c.Rights = append(c.Rights, others[i].right(s.scoped()))
	}
	s.see(c.Seen, others, slices.Contains(page.asked, propUser.String()))
	c.Remarks = append(c.Remarks, unknownOf(s.sessions, page.asked)...)
	for i := range others {
		if others[i].err == nil {
			c.Remarks = append(c.Remarks, unknownOf(others[i].endpoint, others[i].page.properties)...)
		}
	}
	if r, ok := s.doubt(c.Seen); ok {
		c.Remarks = append(c.Remarks, r)
	}
	return c
}

// isPage reports whether credentials or a right are refused with HTML: Intersight
// has never seen the request, so neither is in doubt.
func isPage(err error) bool {
	status, ok := errors.AsType[*httpclient.StatusError](err)
	refused := ok && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden)
	return refused && bytes.HasPrefix(bytes.TrimSpace(status.Body), []byte("<"))
}

// once asks for the first page as a refresh does, but sends each request once. It
// leaves out the properties that a 400 names; if none is named, all but Moid.
func (e *endpoint) once(ctx context.Context, buf *bytes.Buffer) (*fetched, error) {
	ask := e.selection.full
	var refusal error
	for range maxNamed {
		f, err := e.fetch(ctx, query{properties: ask, buf: buf, once: true})
		status := badRequest(err)
		if status == nil {
			return f, err
		}
		refusal = err
		unknown := named(status.Header, status.Body, except(ask, "Moid"))
		if unknown == nil {
			break
		}
		if len(e.filter.keysOf(unknown)) > 0 {
			return nil, err // as long as it is filtered by
		}
		ask = except(ask, unknown...)
	}
	if f, err := e.fetch(ctx, query{properties: []string{"Moid"}, buf: buf, once: true}); badRequest(err) == nil {
		return f, err
	}
	return nil, refusal
}

// maxNamed is how many 400s that name properties are followed.
const maxNamed = 8

// other is a list that is read beside the sessions.
type other struct {
	endpoint *endpoint
	without  string
	none     error // what a page without rows means; nil: nothing

	page *fetched
	rows int
	err  error
}

// others are the lists that refreshes read, limits first.
func (s *Source) others() []other {
	all := []other{{endpoint: s.limits, without: "limits of sessions", none: errNoLimits}}
	if d := s.directory; d != nil {
		all = append(all,
			other{endpoint: d.users.endpoint, without: "identity stores and locked users", none: errNoUsers},
			other{endpoint: d.providers.endpoint, without: "names of identity providers"},
			other{endpoint: d.references.endpoint, without: "names of Cisco's identity providers"})
	}
	return all
}

func (o *other) ask(ctx context.Context) {
	o.page, o.err = o.endpoint.once(ctx, new(bytes.Buffer))
	if o.err != nil {
		return
	}
	for range o.page.rows.items {
		o.rows++
	}
	if o.rows == 0 {
		o.err = o.none
	}
}

// right says whether the list can be read.
func (o *other) right(scoped bool) session.Right {
	r := session.Right{What: nameOf(o.endpoint), Err: o.err, Without: o.without}
	if reason, _ := session.ReasonOf(o.err); o.err != nil && (reason == session.ReasonForbidden || reason == session.ReasonAuth || o.err == o.none) {
		r.Err, r.Remedy = bare(o.err), grant(o.endpoint, scoped)
	}
	if absent(o.err) {
		r.Remedy = outdated
	}
	return r
}

// absent reports whether a list is not there. Intersight says so with a 403, too.
func absent(err error) bool {
	status, ok := errors.AsType[*httpclient.StatusError](err)
	if !ok {
		return false
	}
	code, _ := identifiers(errorDocument(status.Header, status.Body))
	return status.Code == http.StatusNotFound || slices.Contains([]string{"InvalidUrl", "NotFound", "NotSupported", "NotImplemented"}, code)
}

// nameOf is a list as Cisco calls it, such as iam/Users.
func nameOf(e *endpoint) string { return strings.TrimPrefix(e.path, "/api/v1/") }

// scoped reports whether scopes, rather than the role of a user, say what the account
// may read.
func (s *Source) scoped() bool { return s.cfg.HTTP.OAuth2 != nil }

// grant says how an account comes to a right.
func grant(e *endpoint, scoped bool) string {
	if scoped {
		return "give the app registration the scope READ." + strings.TrimSuffix(e.list, ".List")
	}
	return "give the user of the API key a role with the privilege set View Access and Permissions"
}

// see adds to what was seen what the other lists say.
func (s *Source) see(snap *session.Snapshot, others []other, referring bool) {
	if o := &others[0]; o.err == nil {
		if limits, _, err := accountLimits(o.page); err == nil {
			snap.Limits = limits
		}
	}
	if len(others) == 1 || others[1].err != nil {
		return
	}
	r := newUserReader(s.cfg.Hasher)
	f := others[1].page
	r.page(f)
	r.list.complete = f.counted && f.count == len(r.list.users)
	snap.LockedUsers = r.list.lockedAt(snap.Taken)
	if !referring || !r.list.refers() {
		return
	}
	names := [2]providerNames{{}, {}}
	for i := range names {
		if o := &others[2+i]; o.err == nil {
			names[i].page(o.page, s.cfg.Hasher, 0)
		}
	}
	fillStores(snap.Sessions, r.list, r.list.stores(names[0], names[1]))
	snap.Resolved[session.DimensionIdentityStore] = session.Resolution{Listed: true}
}

// unknownOf remarks on what the API does not know of a list.
func unknownOf(e *endpoint, asked []string) []session.Remark {
	missing := except(e.selection.full, asked...)
	switch {
	case len(missing) == 0:
		return nil
	case len(asked) == 1:
		return []session.Remark{{Text: nameOf(e) + ": this build does not know all properties that are read, and does not say which; the first refresh finds out",
			Remedy: outdated}}
	}
	return []session.Remark{{Text: nameOf(e) + ": this build does not know " + strings.Join(missing, ", "),
		Remedy: outdated}}
}

const outdated = "update the appliance; until then, metrics that need them are absent"

// doubt remarks on sessions that may not be all: those of the API key's own user
// alone. The API does not say which it hides.
func (s *Source) doubt(snap *session.Snapshot) (session.Remark, bool) {
	own, ok := s.ownUser()
	others := func(x session.Session) bool { return x.User != own }
	if !ok || len(snap.Sessions) == 0 || s.filter != nil || slices.ContainsFunc(snap.Sessions, others) {
		return session.Remark{}, false
	}
	return session.Remark{
		Text:   "all sessions are of the user of the API key, whose role may show no others",
		Remedy: "compare with Settings > Sessions in Intersight; if there are more, " + grant(s.sessions, s.scoped()),
	}, true
}

// ownUser is the user of the API key, whose id is those of account, user and key.
func (s *Source) ownUser() (session.Key, bool) {
	if s.signer == nil {
		return 0, false
	}
	id, err := s.signer.keyID()
	parts := strings.Split(id, "/")
	if err != nil || len(parts) != 3 {
		return 0, false
	}
	return s.cfg.Hasher.Key(parts[1]), true
}

// remedy says what to do if sessions can't be read.
func (s *Source) remedy(err error) string {
	status, ok := errors.AsType[*httpclient.StatusError](err)
	if !ok {
		return ""
	}
	_, id := identifiers(errorDocument(status.Header, status.Body))
	switch {
	case status.Code == http.StatusUnauthorized && id == "iam_cookie_invalid":
		return "the Authorization header did not arrive: look for a proxy or a gateway that removes it"
	case status.Code == http.StatusUnauthorized && s.scoped():
		return "Intersight does not take this token: check that token_url and url are of the same Intersight, and the app registration under Settings > OAuth2"
	case status.Code == http.StatusUnauthorized:
		return "the key is unknown, disabled or expired, or secret_key_file is that of another: compare the ID with Settings > API Keys, and the file with the one downloaded for it, or make a new key. If the key is right, it is of another Intersight than url, or something on the way changes the host or the query of requests"
	case status.Code == http.StatusForbidden:
		return grant(s.sessions, s.scoped())
	case status.Code == http.StatusBadRequest && s.filter != nil:
		return "the API may not know a property that sessions are filtered by: " + strings.Join(s.filter.keys(), ", ") + ". Remove it from the filter, or update the appliance"
	case status.Code == http.StatusNotFound:
		return "this is not Intersight's API: set url to https://intersight.com, the host of your region, or that of the appliance"
	}
	return ""
}

// bare is an error without what explain advises, for those who get a better remedy.
func bare(err error) error {
	failure, ok := errors.AsType[*session.Error](err)
	status, is := errors.AsType[*httpclient.StatusError](err)
	if !ok || !is {
		return err
	}
	hint := advice(identifiers(errorDocument(status.Header, status.Body)))
	fault, _ := httpclient.Fault(err)
	for _, cut := range []string{", " + hint, " (" + hint + ")"} {
		if hint != "" {
			fault = strings.Replace(fault, cut, "", 1)
		}
	}
	return &session.Error{Reason: failure.Reason, Err: plain{fault, status}}
}

// plain is an error with another text.
type plain struct {
	text string
	err  error
}

func (p plain) Error() string { return p.text }
func (p plain) Unwrap() error { return p.err }
