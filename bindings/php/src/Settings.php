<?php

declare(strict_types=1);

namespace Hawser;

/**
 * The options of clients and servers, as an array.
 *
 * @internal
 */
final class Settings
{
    /**
     * @param array<string, mixed> $settings those of docs/reference/options.md, `headers` (name => value or values) and
     *     `certificates` ([host, chain, key] each)
     */
    public static function toOptions(array $settings): Options
    {
        $options = new Options();
        $options->setInt('keep_handshake', 1); // for path and header
        foreach ($settings as $name => $value) {
            match ($name) {
                'parts', 'requests' => throw self::error(ERR_OPTION, "the option $name is for the raw layer"),
                'headers' => self::addHeaders($options, $value),
                'certificates' => array_map(fn (array $certificate) => $options->addCertificate(...$certificate), $value),
                default => self::set($options, (string)$name, $value),
            };
        }
        return $options;
    }

    /** @param array<string, string|string[]> $headers */
    private static function addHeaders(Options $options, array $headers): void
    {
        foreach ($headers as $name => $values) {
            foreach ((array)$values as $value) {
                $options->addHeader((string)$name, $value);
            }
        }
    }

    private static function set(Options $options, string $name, mixed $value): void
    {
        try {
            match (true) {
                is_int($value), is_bool($value) => $options->setInt($name, (int)$value),
                is_string($value) => $options->setText($name, $value),
                is_array($value) => $options->setText($name, implode(', ', $value)),
                default => throw new \TypeError("the option $name takes an int, bool, string or list of strings, not "
                    . get_debug_type($value)),
            };
        } catch (HawserException $error) {
            throw self::error($error->getCode(), "the option $name: " . error_text($error->getCode()));
        }
    }

    private static function error(int $code, string $words): HawserException
    {
        return new HawserException($words . ' (' . error_name($code) . ')', $code);
    }
}
