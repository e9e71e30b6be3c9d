package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

// full gives every field of a struct a value that is not zero.
func full(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		full(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			full(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		full(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), reflect.ValueOf("value"))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1.5)
	default:
		if v.Type() == reflect.TypeFor[recording.Seconds]() {
			v.SetInt(2e9)
			return
		}
		v.SetInt(2)
	}
}

// What a caller wishes reaches the composer, and is told again: every field.
func TestFilmSpec(t *testing.T) {
	var spec recording.CompositionSpec
	full(reflect.ValueOf(&spec).Elem())
	back, err := filmSpecBody(spec).domain()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec, back); diff != "" {
		t.Error(diff)
	}
	var wish FilmSpec
	full(reflect.ValueOf(&wish).Elem())
	domain, err := wish.domain()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wish, filmSpecBody(domain)); diff != "" {
		t.Error(diff)
	}
}

// The schema of a box names what a box has.
func TestFilmBoxSchema(t *testing.T) {
	var fields, named []string
	box := reflect.TypeFor[recording.LayoutBox]()
	for i := range box.NumField() {
		name, _, _ := strings.Cut(box.Field(i).Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	for name := range (FilmBox{}).Schema(nil).OneOf[0].Properties {
		named = append(named, name)
	}
	slices.Sort(fields)
	slices.Sort(named)
	if diff := cmp.Diff(fields, named); diff != "" {
		t.Error(diff)
	}
	var wish FilmSpec
	if err := json.Unmarshal([]byte(`{"layout":"custom","boxes":[[0,0,64,36,"cover"],{"x":64,"y":0,"width":64,"height":36,"role":"host"}]}`), &wish); err != nil {
		t.Fatal(err)
	}
	want := []FilmBox{
		{recording.LayoutBox{Width: 64, Height: 36, Fit: recording.FitCover}},
		{recording.LayoutBox{X: 64, Width: 64, Height: 36, Role: recording.RoleHost}},
	}
	if diff := cmp.Diff(want, wish.Boxes); diff != "" {
		t.Error(diff)
	}
}
