//go:build release

package release

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// descriptor, index, manifest and image are what is used here of the formats of the
// Open Container Initiative.
type descriptor struct {
	MediaType string
	Digest    string
	Size      int
	Platform  struct{ OS, Architecture, Variant string }
}

type index struct{ Manifests []descriptor }

type manifest struct {
	Config descriptor
	Layers []descriptor
}

type image struct {
	OS, Architecture, Variant string
	Created                   time.Time
	Config                    struct {
		User       string
		Entrypoint []string
		Labels     map[string]string
	}
	History []struct{ Created time.Time }
}

// layout is an OCI archive.
type layout map[string]file

// blob returns what a descriptor is of, checked against its digest, decoded into v
// unless that is nil.
func (l layout) blob(t *testing.T, d descriptor, v any) []byte {
	t.Helper()
	hash, ok := strings.CutPrefix(d.Digest, "sha256:")
	b := l["blobs/sha256/"+hash]
	if !ok || b.sum != hash || len(b.content) != d.Size {
		t.Fatalf("%s has sum %s and %d bytes, want %d", d.Digest, b.sum, len(b.content), d.Size)
	}
	if v != nil {
		if err := json.Unmarshal(b.content, v); err != nil {
			t.Fatal(err)
		}
	}
	return b.content
}

// images checks the archive of the images: one for each architecture, with the
// binary of its archive, all named by one index.
func (r release) images(t *testing.T, path string, binaries map[string][]byte) {
	l := layout(untar(t, readFile(t, path)))
	var top, all index
	if err := json.Unmarshal(l["index.json"].content, &top); err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 || top.Manifests[0].MediaType != "application/vnd.oci.image.index.v1+json" {
		t.Fatalf("index.json has %+v, want an index", top)
	}
	l.blob(t, top.Manifests[0], &all)
	var got []string
	for _, d := range all.Manifests {
		arch := d.Platform.Architecture + d.Platform.Variant
		got = append(got, arch)
		if want, ok := map[string]string{"amd64": "linux/amd64/", "arm64": "linux/arm64/", "armv7": "linux/arm/v7"}[arch]; !ok ||
			d.Platform.OS+"/"+d.Platform.Architecture+"/"+d.Platform.Variant != want {
			t.Errorf("the index has platform %+v", d.Platform)
		}
		var m manifest
		l.blob(t, d, &m)
		t.Run(arch, func(t *testing.T) { r.image(t, l, d, m, binaries[arch]) })
	}
	slices.Sort(got)
	if want := slices.Sorted(maps.Keys(binaries)); !slices.Equal(got, want) {
		t.Errorf("the index has %q, want %q", got, want)
	}
}

func (r release) image(t *testing.T, l layout, d descriptor, m manifest, binary []byte) {
	var i image
	l.blob(t, m.Config, &i)
	if i.OS != d.Platform.OS || i.Architecture != d.Platform.Architecture || i.Variant != d.Platform.Variant {
		t.Errorf("it is for %s/%s/%s, in the index for %+v", i.OS, i.Architecture, i.Variant, d.Platform)
	}
	for label, want := range map[string]string{"version": r.version, "revision": r.revision, "licenses": "Apache-2.0", "title": program} {
		if got := i.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
	if i.Config.User != "65532:65532" || !slices.Equal(i.Config.Entrypoint, []string{"/" + program}) {
		t.Errorf("it runs %q as %s", i.Config.Entrypoint, i.Config.User)
	}
	if !i.Created.Equal(r.time) {
		t.Errorf("it was created %s, want %s", i.Created, r.time)
	}
	files := make(map[string]file)
	for _, layer := range m.Layers {
		maps.Copy(files, untar(t, gunzip(t, l.blob(t, layer, nil))))
	}
	if got := files[program]; !bytes.Equal(got.content, binary) || got.mode != 0o755 {
		t.Errorf("/%s has mode %v and sum %s, want that of the archive, %s", program, got.mode, got.sum, sum(binary))
	}
	for name, f := range files {
		if !f.time.Equal(r.time) {
			t.Errorf("/%s is of %s, want %s", name, f.time, r.time)
		}
	}
}
