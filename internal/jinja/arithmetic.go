package jinja

import (
	"math"
	"strings"
)

func joined(a, b string) (any, error) {
	if len(a)+len(b) > maxOutput {
		return nil, errTooLong
	}
	return a + b, nil
}

func arithmetic(op string, l, r any) (any, error) {
	switch a := l.(type) {
	case string:
		if b, ok := r.(string); ok && op == "+" {
			return joined(a, b)
		}
		if n, ok := integer(r); ok && op == "*" {
			return repeated(a, n)
		}
		if op == "%" {
			return formatted(a, r)
		}
	case *list:
		if b, ok := r.(*list); ok && op == "+" && a.tuple == b.tuple {
			return &list{append(append([]any(nil), a.items...), b.items...), a.tuple}, nil
		}
	}
	x, i, ok := number(l)
	y, j, ok2 := number(r)
	if !ok || !ok2 {
		return nil, templateError("%s %s %s cannot be computed", typeName(l), op, typeName(r))
	}
	if (op == "/" || op == "//" || op == "%") && y == 0 {
		return nil, templateError("division by zero")
	}
	if i && j && op != "/" && !(op == "**" && y < 0) {
		a, _ := integer(l)
		b, _ := integer(r)
		return whole(op, a, b), nil
	}
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/":
		return x / y, nil
	case "//":
		return math.Floor(x / y), nil
	case "%":
		return x - y*math.Floor(x/y), nil
	}
	return math.Pow(x, y), nil
}

// whole computes with integers as Python does: quotients are rounded down.
func whole(op string, a, b int64) any {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "//", "%":
		q, m := a/b, a%b
		if m != 0 && (m < 0) != (b < 0) {
			q, m = q-1, m+b
		}
		if op == "//" {
			return q
		}
		return m
	}
	n := int64(1)
	for range min(b, 64) {
		n *= a
	}
	return n
}

func repeated(s string, n int64) (any, error) {
	if n > 0 && int64(len(s)) > maxOutput/n {
		return nil, errTooLong
	}
	return strings.Repeat(s, int(max(0, n))), nil
}
