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
func decodePage(contentType string, body []byte, limit int64, list string) (page, error) {
	doc, err := document(contentType, body, limit)
	if err != nil {
		return page{}, err
	}
	if !doc.is('{') {
		return page{}, errors.New("the answer is not a JSON object")
	}
	env := envelopeOf(doc)
	if env.objectType.told() && string(env.objectType.text()) != list {
		return page{}, fmt.Errorf("the answer's ObjectType is not %s", list)
	}
	p := page{rows: env.results}
	if env.count.told() {
		n, ok := env.count.whole()
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

// envelope is what a list comes in.
type envelope struct{ objectType, count, results raw }

func envelopeOf(doc raw) (e envelope) {
	var buf [maxName]byte
	for n, v := range doc.fields {
		switch string(name(n, &buf)) {
		case "objecttype":
			e.objectType = v
		case "count":
			e.count = v
		case "results":
			e.results = v
		}
	}
	return e
}

// rowDecoder turns rows of iam.Session into Sessions. It keeps one copy of each
// string that repeats.
type rowDecoder struct {
	hasher session.Hasher
	filter *rowFilter // that rows have to fit; nil: none
	names  [numProperties]propertyName
	row    fields // the latest
	texts  map[string]string
	people map[string]*session.Person
	moids  func([]byte) session.Name
	last   time.Time // LastLoginTime of the latest row
	kept   int       // bytes of texts
}

// maxTexts is the most that is kept of all texts of a listing, in bytes: 100,000
// addresses and a thousand roles take a quarter of it.
const maxTexts = 8 << 20

// full reports whether no more texts should be kept.
func (d *rowDecoder) full() bool { return d.kept > maxTexts }

func newRowDecoder(h session.Hasher) *rowDecoder {
	return &rowDecoder{hasher: h, names: propertyNames(), texts: map[string]string{}, people: map[string]*session.Person{}, moids: session.SharedNames()}
}

func (d *rowDecoder) intern(b []byte) string {
	if b = cut(b); len(b) == 0 {
		return ""
	}
	if s, ok := d.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	d.texts[s] = s
	d.kept += len(s)
	return s
}

// read takes the fields of a row. They are valid as long as the page is.
func (d *rowDecoder) read(row raw) {
	d.row = fields{}
	var buf [maxName]byte
	for written, v := range row.fields {
		n := name(written, &buf)
		for p := range d.names {
			if string(n) == d.names[p].lower {
				d.row[p] = v
				break
			}
		}
	}
}

// session decodes one row; now is the server's clock. Every field but Moid is
// optional, and one of a wrong type is as good as absent: old appliances lack
// many, and weekly builds change others. StoreUnknown says that the row does not
// refer to a user, so that the user's identity provider can't be looked up.
func (d *rowDecoder) session(row raw, now time.Time) (session.Session, error) {
	d.read(row)
	id := d.row[propMoid].text()
	if len(id) == 0 {
		return session.Session{}, errors.New("a row has no Moid")
	}
	if err := d.filter.check(&d.row); err != nil {
		return session.Session{}, err
	}
	s := session.Session{
		ID:           d.hasher.Key(string(id)),
		Role:         d.intern(d.row[propRole].text()),
		ClientIP:     d.intern(d.row[propClientIPAddress].text()),
		LoginType:    d.intern(d.row[propLoginType].text()),
		Created:      d.row[propCreateTime].moment(),
		Ended:        d.row[propEndTime].moment(),
		Expires:      d.row[propExpiration].moment(),
		IdlesAt:      d.row[propIdleTimeExpiration].moment(),
		FailedLogins: failedLogins(d.row[propFailedLogins]),
	}
	s.Status = sessionStatus(d.row[propStatus], s.Expires, s.IdlesAt, now)
	who := d.row[propUser].field("moid").text() // a reference, or the user inline
	if len(who) == 0 {
		who = d.row[propUserIDOrEmail].text()
		s.StoreUnknown = true
	}
	s.User = d.hasher.Key(string(who))
	d.last = d.row[propLastLoginTime].moment()
	s.Login = d.login(who, id, d.last)
	return s, nil
}

// person keeps one of each user.
func (d *rowDecoder) person(name []byte) *session.Person {
	name = cut(name)
	if p, ok := d.people[string(name)]; ok || len(name) == 0 {
		return p
	}
	p := session.NewPerson(string(name), "")
	d.people[string(name)] = p
	d.kept += len(name)
	return p
}

// identity says who has a session, which was decoded last.
func (d *rowDecoder) identity(s *session.Session) session.Identity {
	who := d.row[propUserIDOrEmail].text()
	if len(who) == 0 {
		who = d.row[propUser].field("moid").text()
	}
	id := cut(d.row[propMoid].text())
	d.kept += len(id)
	client := s.ClientIP // mostly
	if b := d.row[propLastLoginClient].text(); string(b) != client {
		client = d.intern(b)
	}
	return session.Identity{
		User:            d.person(who),
		Moid:            d.moids(id),
		LastLogin:       d.last,
		LastLoginClient: client,
	}
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
