package packaging

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	crd "github.com/prometheus-operator/prometheus-operator/example"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install" // the types that the scheme knows
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"sigs.k8s.io/yaml"
)

// builtin are the kinds of Kubernetes that are used here, each with the checks
// that the API server runs before it stores an object.
var builtin = map[schema.GroupVersionKind]rest.RESTCreateStrategy{
	{Version: "v1", Kind: "ConfigMap"}:                                 configmap.Strategy,
	{Version: "v1", Kind: "Service"}:                                   service.Strategy,
	{Version: "v1", Kind: "ServiceAccount"}:                            serviceaccount.Strategy,
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}:                statefulset.Strategy,
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}: networkpolicy.Strategy,
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}:      poddisruptionbudget.Strategy,
}

// custom is a kind that a CustomResourceDefinition defines.
type custom struct {
	schema   *structuralschema.Structural
	strategy rest.RESTCreateStrategy
}

// operator returns the kinds of the Prometheus operator, from its own
// definitions: with patterns, limits and CEL rules, which the Go types lack.
var operator = sync.OnceValues(func() (map[schema.GroupVersionKind]custom, error) {
	var all bytes.Buffer
	if err := crd.PrintAll(&all); err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(apiextensions.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	kinds := make(map[schema.GroupVersionKind]custom)
	for documents := yamlstream.NewYAMLReader(bufio.NewReader(&all)); ; {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return kinds, nil
		}
		if err != nil {
			return nil, err
		}
		var external apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &external); err != nil {
			return nil, err
		}
		var definition apiextensions.CustomResourceDefinition
		if err := scheme.Convert(&external, &definition, nil); err != nil {
			return nil, err
		}
		switch definition.Spec.Names.Kind {
		case "PrometheusRule", "ServiceMonitor", "ScrapeConfig":
		default:
			continue // compiling its rules takes a while
		}
		for _, version := range definition.Spec.Versions {
			gvk := schema.GroupVersionKind{Group: definition.Spec.Group, Version: version.Name, Kind: definition.Spec.Names.Kind}
			v, err := apiextensions.GetSchemaForVersion(&definition, version.Name)
			if err != nil {
				return nil, err
			}
			structural, err := structuralschema.NewStructural(v.OpenAPIV3Schema)
			if err != nil {
				return nil, err
			}
			validator, _, err := validation.NewSchemaValidator(v.OpenAPIV3Schema)
			if err != nil {
				return nil, err
			}
			kinds[gvk] = custom{structural, customresource.NewStrategy(
				unstructuredTyper{}, true, gvk, validator, nil, structural, nil, nil, nil)}
		}
	}
})

// unstructuredTyper knows objects by what they say they are.
type unstructuredTyper struct{}

func (unstructuredTyper) ObjectKinds(o runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	return []schema.GroupVersionKind{o.GetObjectKind().GroupVersionKind()}, false, nil
}

func (unstructuredTyper) Recognizes(schema.GroupVersionKind) bool { return true }

// decode reads an object as an API server does with fieldValidation=Strict, and
// sets defaults. It returns the checks of its kind, too.
func decode(text []byte) (runtime.Object, rest.RESTCreateStrategy, error) {
	u := new(unstructured.Unstructured)
	if err := yaml.UnmarshalStrict(text, &u.Object); err != nil {
		return nil, nil, err
	}
	gvk := u.GroupVersionKind()
	customs, err := operator()
	if err != nil {
		return nil, nil, err
	}
	if c, ok := customs[gvk]; ok {
		if unknown := pruning.PruneWithOptions(u.Object, c.schema, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}); len(unknown) > 0 {
			return nil, nil, fmt.Errorf("unknown fields %q", unknown)
		}
		defaulting.PruneNonNullableNullsWithoutDefaults(u.Object, c.schema)
		defaulting.Default(u.Object, c.schema)
		return u, c.strategy, nil
	}
	strategy, ok := builtin[gvk]
	if !ok {
		return nil, nil, fmt.Errorf("unknown kind %s", gvk)
	}
	external, _, err := strict(legacyscheme.Scheme).Decode(text, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	legacyscheme.Scheme.Default(external)
	return external, strategy, nil
}

// create does with an object what an API server does that is asked to create it
// with fieldValidation=Strict, up to the admission plugins. A warning is an
// error, too.
func create(text []byte) error {
	o, strategy, err := decode(text)
	if err != nil {
		return err
	}
	gvk := o.GetObjectKind().GroupVersionKind()
	if _, ok := o.(*unstructured.Unstructured); !ok {
		if o, err = legacyscheme.Scheme.ConvertToVersion(o, schema.GroupVersion{Group: gvk.Group, Version: runtime.APIVersionInternal}); err != nil {
			return err
		}
	}
	if s, ok := o.(*core.Service); ok && s.Spec.ClusterIP != "" {
		s.Spec.ClusterIPs = []string{s.Spec.ClusterIP} // as what allocates addresses does before the checks
	}
	m, err := meta.Accessor(o)
	if err != nil {
		return err
	}
	rest.FillObjectMetaSystemFields(m)
	var warnings warnings
	ctx := warning.WithWarningRecorder(request.WithNamespace(context.Background(), m.GetNamespace()), &warnings)
	ctx = request.WithRequestInfo(ctx, &request.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIGroup: gvk.Group, APIVersion: gvk.Version, Namespace: m.GetNamespace()})
	if err := rest.BeforeCreate(strategy, ctx, o); err != nil {
		return err
	}
	if len(warnings) > 0 {
		return errors.New("warning: " + strings.Join(warnings, "; "))
	}
	return nil
}

type warnings []string

func (w *warnings) AddWarning(_, text string) { *w = append(*w, text) }

// strict decodes by kind, case-sensitively, and without unknown or repeated fields.
func strict(scheme *runtime.Scheme) runtime.Serializer {
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
}
