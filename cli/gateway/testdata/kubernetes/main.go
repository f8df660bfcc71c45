// Command kubernetes reads manifests from its input as Kubernetes' own types say, and reports every field that they do not
// have. It is a module of its own, so that those types are no dependency of the product's.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// typed gives an empty object of a kind; nil: it is not one of Kubernetes'.
func typed(apiVersion, kind string) any {
	switch apiVersion + " " + kind {
	case "apps/v1 Deployment":
		return &apps.Deployment{}
	case "apps/v1 StatefulSet":
		return &apps.StatefulSet{}
	case "batch/v1 Job":
		return &batch.Job{}
	case "v1 ConfigMap":
		return &core.ConfigMap{}
	case "v1 Service":
		return &core.Service{}
	case "v1 ServiceAccount":
		return &core.ServiceAccount{}
	case "networking.k8s.io/v1 Ingress":
		return &networking.Ingress{}
	case "networking.k8s.io/v1 NetworkPolicy":
		return &networking.NetworkPolicy{}
	case "policy/v1 PodDisruptionBudget":
		return &policy.PodDisruptionBudget{}
	}
	return nil
}

// of reads one manifest. Those of the Prometheus operator are not Kubernetes' own.
func of(manifest string) error {
	var about struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal([]byte(manifest), &about); err != nil {
		return err
	}
	if about.Kind == "" || strings.HasPrefix(about.APIVersion, "monitoring.coreos.com/") {
		return nil
	}
	into := typed(about.APIVersion, about.Kind)
	if into == nil {
		return fmt.Errorf("%s %s is not known here", about.APIVersion, about.Kind)
	}
	if err := yaml.UnmarshalStrict([]byte(manifest), into); err != nil {
		return fmt.Errorf("%s: %w", about.Kind, err)
	}
	return nil
}

func main() {
	data, err := io.ReadAll(os.Stdin)
	failed := err != nil
	for _, manifest := range strings.Split("\n"+string(data), "\n---\n") {
		if err := of(manifest); err != nil {
			failed = true
			fmt.Println(err)
		}
	}
	if failed {
		os.Exit(1)
	}
}
