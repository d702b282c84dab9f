package arch

import "slices"

// A Fold says where a vector can go into the weights: divide the outputs of From by it, multiply the columns of all matrices that take them as inputs, and
// the model computes the same.
type Fold struct {
	From  Role   // a norm, or a matrix whose outputs meet nothing but factors on their way
	Into  []Role // everything that takes them; those that a layer lacks do not matter
	Heads bool   // From makes values, which all heads of a group take
}

// Folds are those of a family's layers, in the order in which activations come by. Latent attention norms what it makes narrow, and takes matrices apart: its
// attention has none here.
func (a *Arch) Folds(p *Params) (list []Fold) {
	if p.MLA.KV == 0 {
		list = append(list,
			Fold{From: RoleAttnNorm, Into: []Role{RoleQ, RoleK, RoleV}},
			Fold{From: RoleV, Into: []Role{RoleO}, Heads: true})
	}
	list = append(list, Fold{From: RoleFFNNorm, Into: []Role{RoleGate, RoleUp, RoleRouter, RoleGateExps, RoleUpExps, RoleShareGate, RoleGateShared, RoleUpShared}})
	for _, f := range []Fold{
		{From: RoleUp, Into: []Role{RoleDown}},
		{From: RoleUpExps, Into: []Role{RoleDownExps}},
		{From: RoleUpShared, Into: []Role{RoleDownShared}},
	} {
		if !slices.Contains(bent, a.Layer.Act) {
			list = append(list, f)
		}
	}
	return list
}

// bent are activations to which up is no mere factor.
var bent = []Activation{CutSwish}
