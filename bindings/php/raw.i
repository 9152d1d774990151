// The extension hawser: the namespace Hawser.
%module hawser
%include "common/php.i"
%include "common/hawser.i"
