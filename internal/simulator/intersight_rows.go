package simulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

const (
	accountMoid = "59c84e4a16267c0001c23428"
	domainMoid  = "5b25418d7a7662743465cf72"
	zeroTime    = "0001-01-01T00:00:00Z"
)

// properties are those of iam.Session, in the order in which they are sent.
var properties = []string{
	"AccountMoid", "AccountPermissions", "Ancestors", "ClassId", "ClientIpAddress", "CreateTime",
	"DisplayNames", "DomainGroupMoid", "EndTime", "Expiration", "FailedLogins", "IdleTimeExpiration",
	"LastLoginClient", "LastLoginTime", "ModTime", "Moid", "ObjectType", "Owners", "Parent",
	"Permission", "PermissionResources", "Role", "Scope", "SessionId", "SharedScope", "Status",
	"Tags", "User", "UserIdOrEmail", "VersionContext",
}

// missingOnOld are those that builds of 1.0.9 did not have.
var missingOnOld = []string{"EndTime", "Role", "Status", "UserIdOrEmail", "FailedLogins", "SessionId"}

func (o *IntersightOptions) has(property string) bool {
	return slices.Contains(properties, property) && !slices.Contains(o.Missing, property) &&
		!(o.OldAppliance && slices.Contains(missingOnOld, property))
}

func (i *Intersight) serveSessions(w http.ResponseWriter, r *http.Request, o *IntersightOptions, trace string) {
	q, refused := parseList(r, o, o.has)
	if refused != nil {
		fail(w, http.StatusBadRequest, jsonType, trace, "InvalidRequest", "barcelona_request_invalid", refused.message, refused.params...)
		return
	}
	var seed uint64
	i.random(func(r *rand.Rand) { seed = r.Uint64() })
	rows, total := i.world.page(q, newRand(seed, 0), o.Ordered)
	var b object
	b.open()
	if q.onlyCnt {
		b.text("ObjectType", "mo.DocumentCount")
		b.number("Count", int64(total))
		b.shut()
		reply(w, r, o, b.b)
		return
	}
	show := make(map[string]bool, len(properties))
	for _, p := range properties {
		show[p] = o.has(p) && (q.selected == nil || q.selected[p])
	}
	if show["SessionId"] && len(rows) > 0 {
		i.count(func(s *IntersightStats) { s.Leaks++ })
	}
	b.text("ObjectType", "iam.Session.List")
	if q.inline && !o.NoCount {
		b.number("Count", int64(total))
	}
	b.key("Results")
	gaps := i.limits().Gaps
	if len(rows) == 0 {
		b.b = append(b.b, "null"...)
	} else {
		b.b = append(b.b, '[')
		for n := range rows {
			if n > 0 {
				b.b = append(b.b, ',')
			}
			row := sessionRow{object{b: b.b}, &rows[n], o, show}
			row.write(gaps)
			b.b = row.b
		}
		b.b = append(b.b, ']')
	}
	b.shut()
	reply(w, r, o, b.b)
}

// sessionRow writes one iam.Session.
type sessionRow struct {
	object
	s    *Session
	o    *IntersightOptions
	show map[string]bool
}

func (r *sessionRow) write(gaps float64) {
	s := r.s
	r.open()
	r.fixed("AccountMoid", `"`+accountMoid+`"`)
	r.fixed("AccountPermissions", "[]")
	r.fixed("Ancestors", "[]")
	r.fixed("ClassId", `"iam.Session"`)
	r.maybe("ClientIpAddress", s.ClientIP)
	r.time("CreateTime", s.Created)
	r.fixed("DisplayNames", "null")
	r.fixed("DomainGroupMoid", `"`+domainMoid+`"`)
	r.time("EndTime", s.Ended)
	r.time("Expiration", s.Expires)
	if r.show["FailedLogins"] {
		if s.FailedLogins >= 0 {
			r.number("FailedLogins", s.FailedLogins)
		} else if r.chance("FailedLogins")%2 == 0 {
			r.raw("FailedLogins", "null")
		}
	}
	r.time("IdleTimeExpiration", s.IdlesAt)
	r.maybe("LastLoginClient", s.LastLoginClient)
	r.time("LastLoginTime", s.LastLogin)
	r.time("ModTime", s.Updated)
	if r.show["Moid"] {
		r.text("Moid", s.ID)
	}
	r.fixed("ObjectType", `"iam.Session"`)
	r.fixed("Owners", `["`+accountMoid+`"]`)
	r.fixed("Parent", "null")
	r.ref("Permission", "iam.Permission", fmt.Sprintf("59cc595416267c0001%06x", uint32(hash(s.Role))&0xffffff))
	r.fixed("PermissionResources", "[]")
	r.maybe("Role", s.Role)
	r.fixed("Scope", "null")
	r.maybe("SessionId", tokenOf(s.ID))
	r.fixed("SharedScope", `""`)
	r.maybe("Status", s.State)
	r.fixed("Tags", "[]")
	r.ref("User", "iam.User", s.UserMoid)
	// The relation still says who it is where this is not told.
	if user := s.User; s.UserMoid != "" && r.show["User"] && float64(r.chance("UserIdOrEmail")%1000) < gaps*1000 {
		r.maybe("UserIdOrEmail", "")
	} else {
		r.maybe("UserIdOrEmail", user)
	}
	r.fixed("VersionContext", "null")
	r.shut()
}

// chance is a number that is always the same for one property of one session.
func (r *sessionRow) chance(property string) uint64 { return hash(r.s.ID, property) >> 8 }

func (r *sessionRow) fixed(name, json string) {
	if r.show[name] {
		r.raw(name, json)
	}
}

// maybe writes a text; an empty one is absent, null or "".
func (r *sessionRow) maybe(name, value string) {
	if !r.show[name] {
		return
	}
	if value == "" {
		switch r.chance(name) % 3 {
		case 0:
			return
		case 1:
			r.raw(name, "null")
			return
		}
	}
	r.text(name, value)
}

func (r *sessionRow) ref(name, class, moid string) {
	if !r.show[name] {
		return
	}
	if moid == "" {
		if r.chance(name)%2 == 0 {
			r.raw(name, "null")
		}
		return
	}
	r.key(name)
	r.b = appendRef(r.b, class, moid)
}

func appendRef(b []byte, class, moid string) []byte {
	o := object{b: b}
	o.open()
	o.text("ClassId", "mo.MoRef")
	o.text("Moid", moid)
	o.text("ObjectType", class)
	o.text("link", "https://www.intersight.com/api/v1/iam/"+class[len("iam."):]+"s/"+moid)
	o.shut()
	return o.b
}

func (r *sessionRow) time(name string, t time.Time) {
	if !r.show[name] {
		return
	}
	if t.IsZero() {
		how := r.o.Unset
		if how == UnsetMixed {
			how = UnsetAbsent + Unset(r.chance(name)%3)
		}
		switch how {
		case UnsetNull:
			r.raw(name, "null")
		case UnsetZero:
			r.text(name, zeroTime)
		}
		return
	}
	layout := "2006-01-02T15:04:05.999Z"
	if r.o.NoFractions {
		layout = "2006-01-02T15:04:05Z"
	} else if r.chance(name)%2 == 0 {
		layout = "2006-01-02T15:04:05.000Z"
	}
	r.text(name, t.UTC().Format(layout))
}

// limitProperties are those of iam.SessionLimits.
var limitProperties = []string{
	"Account", "AccountMoid", "ClassId", "CreateTime", "DomainGroupMoid", "IdleTimeOut", "MaximumLimit",
	"ModTime", "Moid", "ObjectType", "Owners", "PerUserLimit", "Permission", "SessionTimeOut", "Tags",
}

func (i *Intersight) serveLimits(w http.ResponseWriter, r *http.Request, o *IntersightOptions, trace string) {
	switch o.LimitsStatus {
	case 0:
	case http.StatusForbidden:
		fail(w, http.StatusForbidden, jsonType, trace, "UnauthorizedOperation", "iam_user_is_unauthorized", "Operation is not permitted for the user.")
		return
	default:
		fail(w, o.LimitsStatus, jsonType, trace, "NotFound", "barcelona_resource_not_found", "The requested URL does not exist.")
		return
	}
	q, refused := parseList(r, o, func(name string) bool { return slices.Contains(limitProperties, name) })
	if refused != nil {
		fail(w, http.StatusBadRequest, jsonType, trace, "InvalidRequest", "barcelona_request_invalid", refused.message, refused.params...)
		return
	}
	overrides := o.LimitsOverrides
	if overrides == 0 {
		overrides = 2
	}
	objects := max(overrides, 0) + 1
	if o.LimitsAbsent {
		objects = 0
	}
	var order []int
	nullPermission := false
	i.random(func(r *rand.Rand) { order, nullPermission = r.Perm(objects), r.IntN(2) == 0 })
	order = order[min(q.skip, objects):]
	order = order[:min(q.top, len(order))]

	var b object
	b.open()
	b.text("ObjectType", "iam.SessionLimits.List")
	if q.inline && !o.NoCount {
		b.number("Count", int64(objects))
	}
	b.key("Results")
	if len(order) == 0 {
		b.b = append(b.b, "null"...)
	} else {
		b.b = append(b.b, '[')
		for n, which := range order {
			if n > 0 {
				b.b = append(b.b, ',')
			}
			b.b = appendLimits(b.b, which, i.limits(), q.selected, nullPermission)
		}
		b.b = append(b.b, ']')
	}
	b.shut()
	reply(w, r, o, b.b)
}

// appendLimits writes the account's object (0) or that of a permission.
func appendLimits(b []byte, which int, p Population, selected map[string]bool, nullPermission bool) []byte {
	o := object{b: b}
	show := func(name string) bool { return selected == nil || selected[name] }
	limit := func(name string, value int64) {
		if show(name) && value > 0 {
			o.number(name, value)
		}
	}
	idle, life := int64(p.IdleTimeout/time.Second), int64(p.Lifetime/time.Second)
	most, perUser := int64(p.Max), int64(p.MaxPerUser)
	if which > 0 { // an override is never what the account has
		idle, life, most, perUser = idle+int64(which), life+int64(which), most/2+1, perUser/2+1
	}
	o.open()
	if show("Account") {
		o.key("Account")
		o.b = appendRef(o.b, "iam.Account", accountMoid)
	}
	if show("AccountMoid") {
		o.text("AccountMoid", accountMoid)
	}
	o.text("ClassId", "iam.SessionLimits")
	limit("IdleTimeOut", idle)
	limit("MaximumLimit", most)
	o.text("Moid", fmt.Sprintf("59c84e4a16267c0001c2%04x", which))
	o.text("ObjectType", "iam.SessionLimits")
	limit("PerUserLimit", perUser)
	if show("Permission") {
		if which > 0 {
			o.key("Permission")
			o.b = appendRef(o.b, "iam.Permission", fmt.Sprintf("59cc595416267c0001%06x", which))
		} else if nullPermission {
			o.raw("Permission", "null")
		}
	}
	limit("SessionTimeOut", life)
	if show("Tags") {
		o.raw("Tags", "[]")
	}
	o.shut()
	return o.b
}
