package intersight

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"iam_session_exporter/internal/simulator/wire"
	"iam_session_exporter/internal/simulator/world"
)

// collection is a list of objects other than sessions.
type collection struct {
	class      string
	properties []string // in the order in which they are sent
	size       int
	at         func(n int) object // by Moid
}

// object is the JSON of each property that is told.
type object map[string]string

var (
	userProperties = []string{
		"AccountMoid", "ClassId", "ClientIpAddress", "CreateTime", "Email", "FirstName", "Idp", "Idpreference",
		"LastLoginTime", "LastName", "LockedUntil", "Moid", "Name", "ObjectType", "UserIdOrEmail", "UserType",
	}
	idpProperties       = []string{"AccountMoid", "ClassId", "DomainName", "IdpEntityId", "Metadata", "Moid", "Name", "ObjectType", "Type", "Users"}
	referenceProperties = []string{"AccountMoid", "ClassId", "Idp", "IdpEntityId", "Moid", "Name", "ObjectType"}

	// personal are the properties of a user that say who it is.
	personal = []string{"ClientIpAddress", "Email", "FirstName", "LastName", "Name", "UserIdOrEmail"}
)

// PersonMark begins every name of a user that the simulated iam/Users sends, so
// that a test can search for it where it must not be.
const PersonMark = "personcanary"

func (i *Handler) serveUsers(w http.ResponseWriter, r *http.Request, o *Options, trace string) {
	providers := i.world.Providers()
	users := slices.DeleteFunc(i.world.Users(), func(u world.User) bool { return u.Hidden })
	c := collection{class: "iam.User", properties: userProperties, size: len(users), at: func(n int) object { return userObject(users[n], providers, o) }}
	q, ok := i.serveCollection(w, r, o, trace, c)
	if ok && slices.ContainsFunc(personal, func(p string) bool { return q.selected == nil || q.selected[p] }) {
		i.count(func(s *Stats) { s.Personal++ })
	}
}

func (i *Handler) serveProviders(w http.ResponseWriter, r *http.Request, o *Options, trace string, references bool) {
	listed := slices.DeleteFunc(i.world.Providers(), func(p world.Provider) bool { return p.Hidden || p.Reference != references })
	slices.SortFunc(listed, func(a, b world.Provider) int { return strings.Compare(a.Moid, b.Moid) })
	c := collection{class: "iam.Idp", properties: idpProperties, size: len(listed), at: func(n int) object { return providerObject(listed[n]) }}
	if references {
		c.class, c.properties = "iam.IdpReference", referenceProperties
	}
	i.serveCollection(w, r, o, trace, c)
}

// userObject writes a user; what may be said in several ways is said in one that
// is always the same for that user.
func userObject(u world.User, providers []world.Provider, o *Options) object {
	name := PersonMark + u.Moid[len(u.Moid)-8:]
	out := object{
		"AccountMoid": quoted(accountMoid), "ClassId": `"iam.User"`, "ClientIpAddress": quoted("192.0.2.99"),
		"CreateTime": `"2024-02-03T04:05:06.789Z"`, "Email": quoted(name + "@example.com"), "FirstName": quoted(name),
		"LastLoginTime": `"2024-02-03T04:05:06Z"`, "LastName": quoted(name), "Moid": quoted(u.Moid), "Name": quoted(name),
		"ObjectType": `"iam.User"`, "UserIdOrEmail": quoted(name + "@example.com"), "UserType": `"static"`,
	}
	out.relate("Idp", "iam.Idp", "", u.Moid)
	out.relate("Idpreference", "iam.IdpReference", "", u.Moid)
	if u.Provider != "" {
		n := slices.IndexFunc(providers, func(p world.Provider) bool { return p.Moid == u.Provider })
		property, class := "Idp", "iam.Idp"
		if n >= 0 && providers[n].Reference {
			property, class = "Idpreference", "iam.IdpReference"
		}
		out.relate(property, class, u.Provider, u.Moid)
		// The object itself, instead of a reference to it.
		if n >= 0 && !providers[n].Hidden && o.Inline && Inlined(u) {
			out[property] = providerObject(providers[n]).json(nil)
		}
	}
	out.lock(u, o)
	return out
}

// Inlined reports whether, with Options.Inline, it is the provider itself that a user
// has, instead of a reference to it.
func Inlined(u world.User) bool { return world.Hash(u.Moid, "inline")%3 == 0 }

// relate writes a relation. None is absent, null, or a reference with an empty Moid.
func (ob object) relate(property, class, moid, user string) {
	if moid == "" {
		switch world.Hash(user, property) % 3 {
		case 0:
			return
		case 1:
			ob[property] = "null"
			return
		}
	}
	ob[property] = string(appendRef(nil, class, moid))
}

// lock writes LockedUntil.
func (ob object) lock(u world.User, o *Options) {
	if !u.LockedUntil.IsZero() {
		ob["LockedUntil"] = quoted(u.LockedUntil.UTC().Format("2006-01-02T15:04:05.999Z"))
		return
	}
	how := o.Unset
	if how == UnsetMixed {
		how = UnsetAbsent + Unset(world.Hash(u.Moid, "LockedUntil")%3)
	}
	switch how {
	case UnsetNull:
		ob["LockedUntil"] = "null"
	case UnsetZero:
		ob["LockedUntil"] = quoted(zeroTime)
	}
}

func providerObject(p world.Provider) object {
	class := "iam.Idp"
	if p.Reference {
		class = "iam.IdpReference"
	}
	out := object{
		"AccountMoid": quoted(accountMoid), "ClassId": quoted(class), "IdpEntityId": quoted("https://idp.example.com/" + p.Moid),
		"Moid": quoted(p.Moid), "ObjectType": quoted(class),
	}
	if !p.Reference {
		out["Metadata"], out["Users"] = quoted("<EntityDescriptor/>"), "[]"
		if p.Type != "" {
			out["Type"] = quoted(p.Type)
		}
	}
	if p.Name != "" || world.Hash(p.Moid)%2 == 0 {
		out["Name"] = quoted(p.Name)
	}
	return out
}

// json writes the properties that are shown; nil shows all.
func (ob object) json(show map[string]bool) string {
	var b wire.Object
	b.Open()
	for _, name := range sortedKeys(ob) {
		if show == nil || show[name] {
			b.Raw(name, ob[name])
		}
	}
	b.Close()
	return string(b.B)
}

func sortedKeys(ob object) []string {
	names := make([]string, 0, len(ob))
	for name := range ob {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// text is the text of a property, if it is one.
func (ob object) text(property string) (text string, told bool) {
	return text, json.Unmarshal([]byte(ob[property]), &text) == nil && text != ""
}

// serveCollection answers a list request; ok says that it was not refused.
func (i *Handler) serveCollection(w http.ResponseWriter, r *http.Request, o *Options, trace string, c collection) (q listQuery, ok bool) {
	known := func(name string) bool {
		return slices.Contains(c.properties, name) && !slices.Contains(o.MissingOfUsers, name)
	}
	q, refused := parseList(r, o, schema{known: known, ordered: known, texts: known})
	if refused != nil {
		refused.write(w, trace)
		return q, false
	}
	numbers := i.ordered(c, q, o)
	total := len(numbers)
	numbers = numbers[min(q.skip, total):]
	numbers = numbers[:min(q.top, len(numbers))]
	if o.CountIsRows {
		total = len(numbers)
	}

	show := make(map[string]bool)
	for _, name := range c.properties {
		show[name] = known(name) && (q.selected == nil || q.selected[name])
	}
	i.writeList(w, r, o, q, c.class, total, len(numbers), func(b *wire.Object, n int) {
		b.B = append(b.B, c.at(numbers[n]).json(show)...)
	})
	return q, true
}

// ordered lists the numbers of the objects that fit a query in its order; where it
// has none, in a new one each time.
func (i *Handler) ordered(c collection, q listQuery, o *Options) []int {
	var rows []int
	for n := range c.size {
		if q.filter == nil || o.IgnoreFilter || q.filter(c.at(n).text) {
			rows = append(rows, n)
		}
	}
	switch {
	case q.orderBy == "" && !o.Ordered:
		i.random(func(r *rand.Rand) { r.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] }) })
	case q.orderBy != "" && q.orderBy != "Moid":
		slices.SortStableFunc(rows, func(a, b int) int { return strings.Compare(c.at(a)[q.orderBy], c.at(b)[q.orderBy]) })
	}
	if q.backward {
		slices.Reverse(rows)
	}
	return rows
}

func quoted(text string) string { return string(wire.AppendText(nil, text)) }
