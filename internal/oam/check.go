package oam

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

var _ session.Checker = (*Source)(nil)

// Check implements session.Checker: a refresh that may send one query.
func (s *Source) Check(ctx context.Context) *session.Check {
	a := newClient(ctx, s, 1)
	a.once = true
	seen, err := s.refresh(a, session.Want{})
	if err != nil {
		return &session.Check{Err: err, Remedy: s.remedy(err)}
	}
	return &session.Check{
		Seen:    seen,
		Rights:  []session.Right{{What: "sessions"}},
		Remarks: s.remarks(a.first),
	}
}

// remarks are about the answer to the only search.
func (s *Source) remarks(a *answer) []session.Remark {
	format := "JSON"
	if a.xml {
		format = "XML"
	}
	all := []session.Remark{{Text: "OAM responds in " + format}, s.remarkOnTotal(a)}
	if s.cfg.RoleAttribute != "" && len(a.rows) > 0 && !some(a.rows, func(r *row) bool { return r.role != "" }) {
		all = append(all, session.Remark{Text: "no session has the role_attribute among its userAttributes",
			Remedy: "correct role_attribute, whose upper and lower case count, or have OAM return this attribute in sessions"})
	}
	if some(a.rows, func(r *row) bool { return r.odd }) {
		all = append(all, session.Remark{Text: "some times of sessions can't be read", Remedy: "report the format, with an example of each time"})
	}
	if len(a.rows) > 0 && !some(a.rows, func(r *row) bool { return !r.expires.IsZero() }) {
		all = append(all, session.Remark{Text: "sessions have no expiryTime: their lifetime is session_lifetime",
			Remedy: "set session_lifetime to what OAM's common settings say; OAM 12.2.1.3 reports it from bundle patch 171121 on"})
	}
	if a.linked {
		all = append(all, session.Remark{Text: "the response links to pages of results, which are not followed", Remedy: "report this with the version of OAM"})
	}
	return all
}

// The number of queries that list 28 sessions, by the kind of server: see docs/accuracy.md.
const (
	leastPerWindow = 2
	mostPerWindow  = 11
)

// remarkOnTotal says whether one response has all sessions, and what more cost.
func (s *Source) remarkOnTotal(a *answer) session.Remark {
	listed := len(a.rows)
	windows := (a.total + window - 1) / window
	least, most := leastPerWindow*windows, mostPerWindow*windows
	switch {
	case listed < min(a.total, window):
		return session.Remark{
			Text:   fmt.Sprintf("the response lists %d sessions and counts %d; OAM lists %d at once", listed, a.total, window),
			Remedy: "see (Management) Maximum Search Results in OAM's common settings, and whether the account may see all sessions",
		}
	case a.total < window:
		return session.Remark{Text: "one response has all sessions: a refresh costs one query"}
	case a.total == listed:
		return session.Remark{
			Text:   fmt.Sprintf("the total is what one response can list, %d: OAM may count no further", listed),
			Remedy: "compare with Session Management in the OAM console; if there are more, totals are wrong",
		}
	case least > s.cfg.MaxQueries:
		return session.Remark{
			Text:   fmt.Sprintf("to list all sessions takes %d to %d queries per refresh, and max_queries is %d", least, most, s.cfg.MaxQueries),
			Remedy: "nothing if totals suffice, as they stay exact; else raise max_queries and timeout, or set a filter",
		}
	}
	return session.Remark{Text: fmt.Sprintf("totals count beyond the %d sessions of one response; to list all takes %d to %d queries per refresh, and max_queries is %d",
		listed, least, most, s.cfg.MaxQueries)}
}

func some(rows []row, has func(*row) bool) bool {
	for i := range rows {
		if has(&rows[i]) {
			return true
		}
	}
	return false
}

// remedy says what to do if the search fails.
func (s *Source) remedy(err error) string {
	status, ok := errors.AsType[*httpclient.StatusError](err)
	if !ok {
		return ""
	}
	html := strings.Contains(mediaType(status.Header.Get("Content-Type")), "html")
	switch status.Code {
	case http.StatusUnauthorized:
		if s.cfg.HTTP.BasicAuth == nil {
			return "OAM itself takes a user and a password: set basic_auth, unless a gateway before it is to take other credentials; then correct those"
		}
		remedy := "check user and password, once by hand: more attempts may lock the account"
		if html {
			remedy += ". The page is WebLogic's: the user must be known to its security realm"
		}
		return remedy
	case http.StatusForbidden:
		return "make the account a member of OAM's administrators (by default the group of WebLogic's Administrators in the system store)"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		remedy := "this server has no session search: set url to an OAM managed server, usually port 14100, or the load balancer before it, not to the AdminServer or the console (7001)"
		switch {
		case html:
		case len(s.cfg.Filter) > 0:
			remedy += "; or no session matches the filter now: try without it"
		default:
			remedy += "; or there is no session at all: log in somewhere, and run this again"
		}
		return remedy
	case http.StatusInternalServerError:
		if !html {
			return "OAM can't search its sessions: see the log of the OAM server, and whether the database of its sessions is up"
		}
	}
	return ""
}
