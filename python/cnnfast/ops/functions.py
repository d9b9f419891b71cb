"""Elementary functions, element by element. `docs/design/formulas.md` tells their errors."""

from __future__ import annotations

import math
from typing import Any

from cnnfast.ops.formula import formula
from cnnfast.ops.operation import operation


@operation("x")
def erfc(x: Any) -> Any:
    """Returns 1 - erf(x), exact where that is small.

    Args:
        x: Numbers of any shape, or what stands for them.

    Source:
        Press et al., Numerical Recipes, 6.2.2; Keras 3, `keras.ops.erfc`.

    Example:
        >>> erfc([0.0])
        array([1.], dtype=float32)
    """
    z = formula("abs", x)
    t = formula("div", 1.0, formula("add", formula("mul", z, 0.5), 1.0))
    exponent = formula("sub", _polynomial(_ERFC, t), formula("square", z))
    tail = formula("mul", t, formula("exp", exponent))
    return formula("select", formula("ge", x, 0.0), tail, formula("sub", 2.0, tail))


@operation("x")
def erfinv(x: Any) -> Any:
    """Returns the number whose erf is x: infinite at 1 and -1, and NaN beyond.

    Args:
        x: Numbers of any shape, or what stands for them.

    Source:
        Giles, Approximating the erfinv function, 2012; Keras 3, `keras.ops.erfinv`.

    Example:
        >>> erfinv([0.0, 1.0])
        array([ 0., inf], dtype=float32)
    """
    size = formula("abs", x)
    w = formula("neg", formula("log", formula("mul", formula("sub", 1.0, size), formula("add", size, 1.0))))
    near = _polynomial(_ERFINV_NEAR, formula("sub", w, 2.5))
    far = _polynomial(_ERFINV_FAR, formula("sub", formula("sqrt", formula("max", w, 5.0)), 3.0))
    made = formula("mul", formula("select", formula("lt", w, 5.0), near, far), x)
    end = formula("mul", formula("sign", x), math.inf)
    return formula("select", formula("eq", size, 1.0), end, made)


# Coefficients of the two above, that of the highest power first.
_ERFC = (
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223,
)  # fmt: skip
_ERFINV_NEAR = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
    -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_ERFINV_FAR = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
    0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


@operation("x")
def exp(x: Any) -> Any:
    """Returns e^x.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> exp([0.0])
        array([1.], dtype=float32)
    """
    return formula("exp", x)


@operation("x")
def exp2(x: Any) -> Any:
    """Returns 2^x.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> exp2([3.0])
        array([8.], dtype=float32)
    """
    return formula("pow", 2.0, x)


@operation("x")
def expm1(x: Any) -> Any:
    """Returns e^x - 1, exact near 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> expm1([0.0])
        array([0.], dtype=float32)
    """
    return formula("expm1", x)


@operation("x")
def log(x: Any) -> Any:
    """Returns the natural logarithm; NaN below 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> log([1.0])
        array([0.], dtype=float32)
    """
    return formula("log", x)


@operation("x")
def log10(x: Any) -> Any:
    """Returns the logarithm to base 10.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> log10([1.0])
        array([0.], dtype=float32)
    """
    return formula("mul", formula("log", x), 1 / math.log(10))


@operation("x")
def log1p(x: Any) -> Any:
    """Returns log(1 + x), exact near 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> log1p([0.0])
        array([0.], dtype=float32)
    """
    return formula("log1p", x)


@operation("x")
def log2(x: Any) -> Any:
    """Returns the logarithm to base 2.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> log2([1.0])
        array([0.], dtype=float32)
    """
    return formula("mul", formula("log", x), 1 / math.log(2))


@operation("x")
def sin(x: Any) -> Any:
    """Returns the sine.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> sin([0.0])
        array([0.], dtype=float32)
    """
    return formula("sin", x)


@operation("x")
def cos(x: Any) -> Any:
    """Returns the cosine.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> cos([0.0])
        array([1.], dtype=float32)
    """
    return formula("cos", x)


@operation("x")
def tan(x: Any) -> Any:
    """Returns the tangent.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> tan([0.0])
        array([0.], dtype=float32)
    """
    return formula("div", formula("sin", x), formula("cos", x))


@operation("x")
def sinh(x: Any) -> Any:
    """Returns (e^x - e^-x) / 2.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> sinh([0.0])
        array([0.], dtype=float32)
    """
    return formula("mul", formula("sub", formula("expm1", x), formula("expm1", formula("neg", x))), 0.5)


@operation("x")
def cosh(x: Any) -> Any:
    """Returns (e^x + e^-x) / 2.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> cosh([0.0])
        array([1.], dtype=float32)
    """
    return formula("mul", formula("add", formula("exp", x), formula("exp", formula("neg", x))), 0.5)


@operation("x")
def erf(x: Any) -> Any:
    """Returns the error function.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> erf([0.0])
        array([0.], dtype=float32)
    """
    return formula("erf", x)


@operation("x")
def floor(x: Any) -> Any:
    """Returns the largest whole number up to x.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> floor([1.5, -1.5])
        array([ 1., -2.], dtype=float32)
    """
    return formula("floor", x)


@operation("x")
def ceil(x: Any) -> Any:
    """Returns the smallest whole number from x on.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> ceil([1.5, -1.5])
        array([ 2., -1.], dtype=float32)
    """
    return formula("neg", formula("floor", formula("neg", x)))


@operation("x")
def round(x: Any, decimals: int = 0) -> Any:
    """Returns x rounded, a half to the even neighbour.

    Args:
        x: Numbers of any shape, or what stands for them.
        decimals: Digits behind the point that are kept; below 0: before it.

    Example:
        >>> round([1.5, 2.5])
        array([2., 2.], dtype=float32)
    """
    if decimals == 0:
        return formula("round", x)
    scale = 10.0**decimals
    return formula("div", formula("round", formula("mul", x, scale)), scale)


@operation("x")
def trunc(x: Any) -> Any:
    """Returns x without what is behind the point.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> trunc([1.5, -1.5])
        array([ 1., -1.], dtype=float32)
    """
    return formula("mul", formula("sign", x), formula("floor", formula("abs", x)))


@operation("x1", "x2")
def logaddexp(x1: Any, x2: Any) -> Any:
    """Returns log(e^x1 + e^x2), which does not overflow.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> logaddexp([0.0], [-200.0])
        array([0.], dtype=float32)
    """
    return formula(
        "add",
        formula("max", x1, x2),
        formula("log1p", formula("exp", formula("neg", formula("abs", formula("sub", x1, x2))))),
    )


@operation("x1", "x2")
def logaddexp2(x1: Any, x2: Any) -> Any:
    """Returns log2(2^x1 + 2^x2), which does not overflow.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> logaddexp2([1.0], [1.0])
        array([2.], dtype=float32)
    """
    distance = formula("neg", formula("abs", formula("sub", x1, x2)))
    more = formula("log1p", formula("pow", 2.0, distance))
    return formula("add", formula("max", x1, x2), formula("mul", more, 1 / math.log(2)))


@operation("x1", "x2")
def ldexp(x1: Any, x2: Any) -> Any:
    """Returns x1 * 2^x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same, of a shape that broadcasts with it.

    Example:
        >>> ldexp([3.0], [2.0])
        array([12.], dtype=float32)
    """
    return formula("mul", x1, exp2(x2))


@operation("x")
def cbrt(x: Any) -> Any:
    """Returns the cube root, which has the sign of x.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> cbrt([8.0, -8.0])
        array([ 2., -2.], dtype=float32)
    """
    size = formula("abs", x)
    usual = formula("mul", formula("ne", x, 0.0), formula("lt", size, math.inf))
    near = formula("mul", formula("sign", x), formula("pow", size, 1 / 3))
    root = formula("select", usual, near, 1.0)  # off by what 1 / 3 is off: one of Newton's steps
    third = formula("div", x, formula("square", root))
    nearer = formula("mul", formula("add", formula("add", root, root), third), 1 / 3)
    return formula("select", usual, nearer, near)


@operation("x")
def sinc(x: Any) -> Any:
    """Returns sin(pi x) / (pi x), which is 1 at 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> sinc([0.0, 0.5])
        array([1.        , 0.63661975], dtype=float32)
    """
    angle = formula("mul", formula("select", x, x, 1.0), math.pi)
    return formula("select", x, formula("div", formula("sin", angle), angle), 1.0)


# Of I0(x) in (x / 3.75)^2 up to 3.75, and of sqrt(x) e^-x I0(x) in 3.75 / x beyond (Abramowitz and Stegun,
# "Handbook of Mathematical Functions", 9.8.1 and 9.8.2; errors below 2e-7).
_I0_NEAR = (0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1.0)
_I0_FAR = (
    *(0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281, -0.00157565, 0.00225319, 0.01328592),
    0.39894228,
)


def _polynomial(factors: tuple[float, ...], x: Any) -> Any:
    made: Any = factors[0]
    for factor in factors[1:]:
        made = formula("add", formula("mul", made, x), factor)
    return made


@operation("x")
def i0(x: Any) -> Any:
    """Returns the modified Bessel function of the first kind and order 0.

    Args:
        x: Numbers of any shape, or what stands for them.

    Example:
        >>> i0([0.0])
        array([1.], dtype=float32)
    """
    size = formula("abs", x)
    inside = formula("lt", size, 3.75)
    near = _polynomial(_I0_NEAR, formula("square", formula("mul", x, 1 / 3.75)))
    far = formula("select", inside, 3.75, size)
    scale = formula("mul", formula("exp", far), formula("rsqrt", far))
    tail = formula("mul", scale, _polynomial(_I0_FAR, formula("div", 3.75, far)))
    return formula("select", inside, near, tail)
