"""Lengths, angles and CHGNet's basis functions of them, with derivatives written out.

Everything here depends on the geometry alone, so in the last sweep of a training step nothing flows
on from it but the gradients of the basis functions' frequencies. A gradient towards the geometry
therefore needs only two things when it is differentiated: its tangent, and those frequencies.
Autograd would compute, step by step, much that is thrown away. Names ending in ``_bar`` are
gradients, those in ``_dot`` tangents, as in :mod:`rungs.potential.second_order`.
"""

import torch
from torch import Tensor, nn
from torch.autograd import Function

from rungs.potential.second_order import refuse_another_derivative


def lengths_and_cosines(
    vectors: Tensor, angle_bonds: Tensor, signs: Tensor
) -> tuple[Tensor, Tensor]:
    """Return lengths (B,) of the vectors (B, 3) in Å and cosines (S,) of angles between them.

    Args:
        vectors: gradients flow to them, and not through their gradients once more.
        angle_bonds: (2, S) the two vectors of each angle.
        signs: (S,) factors of the cosines.
    """
    return _Geometry.apply(vectors, angle_bonds, signs)


def radial_waves(radial: nn.Module, lengths: Tensor) -> Tensor:
    """Return (B, K) radial Bessel functions under their envelope, of the lengths (B,) in Å.

    √(2/c) sin(ω r/c)/r for a cutoff c, times 1 + a u^p + b u^(p+1) + c' u^(p+2) with u = r/c.

    Args:
        radial: a ``chgnet.model.basis.RadialBessel`` with an envelope.
        lengths: from :func:`lengths_and_cosines`.
    """
    return _Radial.apply(radial, lengths, radial.frequencies)


def angular_waves(frequencies: Tensor, cosines: Tensor) -> Tensor:
    """Return (S, 2K): sin(k θ) and then cos(k θ) of θ = acos(cosines), for K ``frequencies``."""
    return _Angular.apply(cosines, frequencies)


class _Geometry(Function):
    @staticmethod
    def forward(ctx, vectors, angle_bonds, signs):
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        directions = vectors / lengths[:, None]
        first = directions.index_select(0, angle_bonds[0])
        second = directions.index_select(0, angle_bonds[1])
        cosines = (first * second).sum(dim=1) * signs
        ctx.save_for_backward(lengths, directions, first, second, angle_bonds, signs)
        return lengths, cosines

    @staticmethod
    def backward(ctx, lengths_bar, cosines_bar):
        return _GeometryGradient.apply(lengths_bar, cosines_bar, *ctx.saved_tensors), None, None


class _GeometryGradient(Function):
    """∂cos/∂r₁ = (± n₂ − cos n₁) / |r₁|, and the same with 1 and 2 changed over."""

    @staticmethod
    def forward(ctx, lengths_bar, cosines_bar, lengths, directions, first, second, bonds, signs):
        ctx.save_for_backward(lengths, directions, first, second, bonds, signs)
        # The part of a direction's gradient along the direction itself does not turn it.
        turn = (cosines_bar * signs)[:, None]
        turns = torch.zeros_like(directions)
        turns.index_add_(0, bonds[0], turn * second).index_add_(0, bonds[1], turn * first)
        along = (turns * directions).sum(dim=1, keepdim=True)
        turns.addcmul_(directions, along, value=-1).div_(lengths[:, None])
        return turns.addcmul_(directions, lengths_bar[:, None])

    @staticmethod
    def backward(ctx, vectors_dot):
        refuse_another_derivative()
        lengths, directions, first, second, bonds, signs = ctx.saved_tensors
        lengths_dot = (vectors_dot * directions).sum(dim=1)
        turning = (vectors_dot - directions * lengths_dot[:, None]) / lengths[:, None]
        cosines_dot = turning.index_select(0, bonds[0]) * second
        cosines_dot.addcmul_(turning.index_select(0, bonds[1]), first)
        return lengths_dot, cosines_dot.sum(dim=1) * signs, *(None,) * 6


class _Radial(Function):
    @staticmethod
    def forward(ctx, radial, lengths, frequencies):
        r = lengths[:, None]
        scaled = r * radial.inv_cutoff
        phase = frequencies * scaled
        sine, cosine = torch.sin(phase), torch.cos(phase)
        bessel = radial.norm_const * sine / r
        envelope = radial.smooth_cutoff(r)
        ctx.radial = radial
        ctx.save_for_backward(r, frequencies, sine, cosine, bessel, envelope)
        return envelope * bessel

    @staticmethod
    def backward(ctx, waves_bar):
        return None, *_RadialGradient.apply(ctx.radial, waves_bar, *ctx.saved_tensors)


class _RadialGradient(Function):
    @staticmethod
    def forward(ctx, radial, waves_bar, r, frequencies, sine, cosine, bessel, envelope):
        envelope_slope = _slope(radial.smooth_cutoff, r)
        over_r = radial.norm_const / r
        # d/dr of √(2/c) sin(ω r/c)/r
        bessel_slope = (cosine * frequencies * radial.inv_cutoff * over_r).addcdiv_(
            bessel, r, value=-1
        )
        slope = (envelope * bessel_slope).addcmul_(envelope_slope, bessel)
        ctx.radial = radial
        ctx.save_for_backward(waves_bar, frequencies, sine, cosine, envelope, envelope_slope, slope)
        # By the phase ω r/c a frequency acts on the sine alone.
        by_frequency = (waves_bar * cosine * (envelope * radial.norm_const)).sum(dim=0)
        return (waves_bar * slope).sum(dim=1), by_frequency * radial.inv_cutoff

    @staticmethod
    def backward(ctx, lengths_dot, _):
        refuse_another_derivative()
        radial = ctx.radial
        waves_bar, frequencies, sine, cosine, envelope, envelope_slope, slope = ctx.saved_tensors
        dot = lengths_dot[:, None]
        # ∂(slope)/∂ω with ∂bessel/∂ω = √(2/c) cos(ω r/c)/c: its own slope is -√(2/c) ω sin(…)/c²
        bent = (sine * frequencies).mul_(envelope).mul_(-radial.inv_cutoff)
        bent.addcmul_(cosine, envelope_slope).mul_(waves_bar).mul_(dot)
        by_frequency = bent.sum(dim=0) * (radial.norm_const * radial.inv_cutoff)
        return None, slope * dot, None, by_frequency, *(None,) * 4


def _slope(envelope: nn.Module, r: Tensor) -> Tensor:
    """Return the derivative of CHGNet's polynomial cutoff, term by term as CHGNet has it."""
    if envelope.p == 0:
        return torch.zeros_like(r)
    p, u = envelope.p, r / envelope.cutoff
    slope = (
        envelope.a * p * u ** (p - 1)
        + envelope.b * (p + 1) * u**p
        + envelope.c * (p + 2) * u ** (p + 1)
    ) / envelope.cutoff
    return torch.where(u < 1, slope, torch.zeros_like(u))


class _Angular(Function):
    @staticmethod
    def forward(ctx, cosines, frequencies):
        angles = torch.acos(cosines)
        phase = torch.outer(angles, frequencies)
        sine, cosine = torch.sin(phase), torch.cos(phase)
        ctx.save_for_backward(cosines, angles, frequencies, sine, cosine)
        return torch.cat([sine, cosine], dim=1)

    @staticmethod
    def backward(ctx, waves_bar):
        return _AngularGradient.apply(waves_bar, *ctx.saved_tensors)


class _AngularGradient(Function):
    @staticmethod
    def forward(ctx, waves_bar, cosines, angles, frequencies, sine, cosine):
        ctx.save_for_backward(waves_bar, cosines, angles, frequencies, sine, cosine)
        sine_bar, cosine_bar = waves_bar.chunk(2, dim=1)
        phase_bar = (sine_bar * cosine).addcmul_(cosine_bar, sine, value=-1)
        by_frequency = angles @ phase_bar
        return _by_cosine(cosines, phase_bar @ frequencies), by_frequency

    @staticmethod
    def backward(ctx, cosines_dot, _):
        refuse_another_derivative()
        waves_bar, cosines, angles, frequencies, sine, cosine = ctx.saved_tensors
        angles_dot = _by_cosine(cosines, cosines_dot)
        sine_bar, cosine_bar = waves_bar.chunk(2, dim=1)
        phase_dot = torch.outer(angles_dot, frequencies)
        waves_dot = torch.cat([cosine * phase_dot, (sine * phase_dot).neg_()], dim=1)
        phase_bar = (sine_bar * cosine).addcmul_(cosine_bar, sine, value=-1)
        bent = (sine_bar * sine).addcmul_(cosine_bar, cosine)
        by_frequency = angles_dot @ phase_bar - (angles * angles_dot) @ (bent * frequencies)
        return waves_dot, None, None, by_frequency, None, None


def _by_cosine(cosines: Tensor, values: Tensor) -> Tensor:
    """Return values · d acos(x)/dx at x = ``cosines``."""
    return -values * torch.rsqrt(
        torch.addcmul(torch.ones_like(cosines), cosines, cosines, value=-1)
    )
