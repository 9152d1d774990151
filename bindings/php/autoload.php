<?php
// Loads the classes of src/ where Composer does not.

spl_autoload_register(function (string $class): void {
    $file = __DIR__ . '/src/' . strtr(substr($class, strlen('Hawser\\')), '\\', '/') . '.php';
    if (str_starts_with($class, 'Hawser\\') && is_file($file)) {
        require $file;
    }
});
