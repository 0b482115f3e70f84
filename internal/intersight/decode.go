package intersight

import (
	"errors"
	"fmt"
	"math"
	"time"

	"iam_session_exporter/internal/session"
)

// page is one answer of a list operation.
type page struct {
	count   int // all rows that match, over all pages
	counted bool
	rows    raw // an array, or not told
}

// maxCount is the highest Count believed: it is an int32 in Cisco's schema.
const maxCount = 1<<31 - 1

// decodePage reads the envelope {"ObjectType":list,"Count":n,"Results":[...]}
// (intersight-go, model iam.SessionResponse). What $count, $apply or tags would
// answer has another ObjectType, and is refused.
func decodePage(contentType string, body []byte, list string) (page, error) {
	doc, err := document(contentType, body)
	if err != nil {
		return page{}, err
	}
	if !doc.is('{') {
		return page{}, errors.New("the answer is not a JSON object")
	}
	var p page
	var count, objectType raw
	var buf [maxName]byte
	for n, v := range doc.fields {
		switch string(name(n, &buf)) {
		case "objecttype":
			objectType = v
		case "count":
			count = v
		case "results":
			p.rows = v
		}
	}
	if objectType.told() && string(objectType.text()) != list {
		return page{}, fmt.Errorf("the answer's ObjectType is not %s", list)
	}
	if count.told() {
		n, ok := count.whole()
		if !ok || n < 0 || n > maxCount {
			return page{}, errors.New("the answer's Count is not a number of rows")
		}
		p.count, p.counted = int(n), true
	}
	if p.rows.told() && !p.rows.is('[') {
		return page{}, errors.New("the answer's Results are not an array")
	}
	if !p.counted && !p.rows.told() {
		return page{}, errors.New("the answer has neither Count nor Results")
	}
	return p, nil
}

// rowDecoder turns rows of iam.Session into Sessions. It keeps one copy of each
// string that repeats.
type rowDecoder struct {
	hasher session.Hasher
	texts  map[string]string
	kept   int // bytes in texts
}

// maxTexts is the most that is kept of all texts of a listing, in bytes: 200,000
// addresses and a thousand roles take half of it.
const maxTexts = 8 << 20

// full reports whether no more texts should be kept.
func (d *rowDecoder) full() bool { return d.kept > maxTexts }

func newRowDecoder(h session.Hasher) *rowDecoder {
	return &rowDecoder{hasher: h, texts: map[string]string{}}
}

func (d *rowDecoder) intern(b []byte) string {
	b = cut(b)
	if s, ok := d.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	d.texts[s] = s
	d.kept += len(s)
	return s
}

// session decodes one row; now is the server's clock. Every field but Moid is
// optional, and one of a wrong type is as good as absent: old appliances lack
// many, and weekly builds change others.
func (d *rowDecoder) session(row raw, now time.Time) (session.Session, error) {
	var moid, created, ended, status, role, email, user, ip, expires, idles, lastLogin, failed raw
	var buf [maxName]byte
	for n, v := range row.fields {
		switch string(name(n, &buf)) {
		case "moid":
			moid = v
		case "createtime":
			created = v
		case "endtime":
			ended = v
		case "status":
			status = v
		case "role":
			role = v
		case "useridoremail":
			email = v
		case "user":
			user = v
		case "clientipaddress":
			ip = v
		case "expiration":
			expires = v
		case "idletimeexpiration":
			idles = v
		case "lastlogintime":
			lastLogin = v
		case "failedlogins":
			failed = v
		}
	}
	id := moid.text()
	if len(id) == 0 {
		return session.Session{}, errors.New("a row has no Moid")
	}
	s := session.Session{
		ID:           d.hasher.Key(string(id)),
		Role:         d.intern(role.text()),
		ClientIP:     d.intern(ip.text()),
		Created:      created.moment(),
		Ended:        ended.moment(),
		Expires:      expires.moment(),
		IdlesAt:      idles.moment(),
		FailedLogins: failedLogins(failed),
	}
	s.Status = sessionStatus(status, s.Expires, s.IdlesAt, now)
	who := user.field("moid").text() // a reference, or the user inline
	if len(who) == 0 {
		who = email.text()
	}
	s.User = d.hasher.Key(string(who))
	s.Login = d.login(who, id, lastLogin.moment())
	return s, nil
}

// login identifies the login that a session's FailedLogins belong to: all
// sessions of a user show the figure of the user's last login. Where the user or
// that login's time isn't told, the session stands for itself.
func (d *rowDecoder) login(user, moid []byte, last time.Time) session.Key {
	if len(user) == 0 || last.IsZero() {
		return d.hasher.Key("login", string(moid))
	}
	var buf [len(time.RFC3339Nano)]byte
	return d.hasher.Key("login", string(user), string(last.AppendFormat(buf[:0], time.RFC3339Nano)))
}

// failedLogins returns the figure, or -1 where none that can be true is told.
func failedLogins(v raw) int64 {
	if n, ok := v.whole(); ok && n >= 0 && n <= math.MaxInt32 {
		return n
	}
	return -1
}

// sessionStatus judges a session at the server's time now. The product deletes
// sessions that are over soon, not at once, so that a limit may have passed.
func sessionStatus(status raw, expires, idles, now time.Time) session.Status {
	switch string(status.text()) {
	case "Active", "": // builds without Status list live sessions only
	case "Ended":
		return session.Ended
	case "Terminated":
		return session.Terminated
	default:
		return session.Unknown
	}
	switch {
	case !expires.IsZero() && !now.Before(expires):
		return session.Expired
	case !idles.IsZero() && !now.Before(idles):
		return session.Idle
	}
	return session.Active
}
