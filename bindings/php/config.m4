dnl The extension hawser, on the libhawser that pkg-config finds.

PHP_ARG_ENABLE([hawser], [whether to enable hawser], [AS_HELP_STRING([--enable-hawser], [Enable WebSockets by libhawser])])

if test "$PHP_HAWSER" != "no"; then
  PKG_CHECK_MODULES([HAWSER], [hawser >= 0.1])
  PHP_EVAL_INCLINE($HAWSER_CFLAGS)
  PHP_EVAL_LIBLINE($HAWSER_LIBS, HAWSER_SHARED_LIBADD)
  PHP_SUBST(HAWSER_SHARED_LIBADD)
  PHP_NEW_EXTENSION(hawser, hawser_wrap.c, $ext_shared,, -DHAWSER_VERSION=0.1.0)
fi
