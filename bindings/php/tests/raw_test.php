<?php
// The raw layer: what the scenarios of bindings/conformance do not see.

require __DIR__ . '/support.php';

use Hawser\{Event, HawserException, Manager, Options};

class Unmade extends Manager
{
    public function __construct()
    {
    }
}

/** Without its constructor. */
function unmade(string $class): object
{
    return (new ReflectionClass($class))->newInstanceWithoutConstructor();
}

function descriptors(): int
{
    gc_collect_cycles();
    return count(scandir('/proc/self/fd'));
}

/** Classes, functions or constants by their names, with all that a caller sees of them. */
function described(array $classes, array $functions, array $constants): array
{
    $type = fn (?ReflectionType $type) => str_replace('HawserStub\\', 'Hawser\\', (string)$type);
    $called = fn (ReflectionFunctionAbstract $function) => [$type($function->getReturnType()), array_map(
        fn ($parameter) => [$type($parameter->getType()), $parameter->isOptional()], $function->getParameters())];
    $all = [];
    foreach ($classes as $class) {
        $own = fn ($member) => $member->class === $class->name;
        $all[$class->getShortName()] = [$class->isFinal(), $class->getParentClass() ? $class->getParentClass()->name : ''];
        foreach (array_filter($class->getMethods(), $own) as $method) {
            $all[$class->getShortName() . "::$method->name()"] = [$method->getModifiers(), $called($method)];
        }
        foreach (array_filter($class->getProperties(), $own) as $property) {
            $all[$class->getShortName() . "::$property->name"] = [$property->getModifiers(), $type($property->getType())];
        }
    }
    foreach ($functions as $function) {
        $all[$function->getShortName() . '()'] = $called($function);
    }
    foreach ($constants as $name => $value) {
        $all[preg_replace('/^\w+\\\\/', '', $name)] = $value;
    }
    ksort($all);
    return $all;
}

/** The stub, in another namespace. */
function describedStub(): array
{
    $code = file_get_contents(__DIR__ . '/../stubs/hawser.stub.php');
    eval('?>' . str_replace(['namespace Hawser', "'Hawser\\"], ['namespace HawserStub', "'HawserStub\\"], $code));
    $ours = fn ($name) => stripos($name, 'HawserStub\\') === 0;
    return described(array_map(fn ($name) => new ReflectionClass($name), array_filter(get_declared_classes(), $ours)),
        array_map(fn ($name) => new ReflectionFunction($name), array_filter(get_defined_functions()['user'], $ours)),
        array_filter(get_defined_constants(), $ours, ARRAY_FILTER_USE_KEY));
}

run([
    'every byte arrives' => function () {
        $every = implode('', array_map('chr', range(0, 255)));
        same($every, (new Pair())->deliver(Hawser\BINARY, $every));
    },
    'sixteen mebibytes arrive' => function () {
        $large = str_repeat(implode('', array_map('chr', range(0, 255))), 65536);
        same(true, (new Pair())->deliver(Hawser\BINARY, $large) === $large);
    },
    'text with NUL arrives, empty as well' => function () {
        $pair = new Pair();
        same("a\0b Grüße ⚓", $pair->deliver(Hawser\TEXT, "a\0b Grüße ⚓"));
        same('', $pair->deliver(Hawser\TEXT, ''));
        same(Hawser\ERR_UTF8, thrown(HawserException::class, fn () => $pair->deliver(Hawser\TEXT, "\xff"))->getCode());
    },
    'what is sent is not kept' => function () {
        $pair = new Pair();
        $data = str_repeat('before', 10000);
        $pair->manager->send($pair->client, Hawser\BINARY, $data);
        for ($i = 0; $i < strlen($data); $i++) {
            $data[$i] = 'x';
        }
        same(str_repeat('before', 10000), $pair->events(Hawser\EVENT_MESSAGE)[0]->data);
    },
    'events outlive their batch and their manager' => function () {
        $pair = new Pair();
        $events = [];
        for ($i = 0; $i < 50; $i++) {
            $pair->manager->send($pair->client, Hawser\BINARY, str_repeat(chr($i), 1000));
            $events[] = $pair->events(Hawser\EVENT_MESSAGE)[0];
        }
        unset($pair);
        foreach ($events as $i => $event) {
            same(str_repeat(chr($i), 1000), $event->data);
        }
    },
    'events can be read, not written' => function () {
        $pair = new Pair();
        $pair->manager->close($pair->client, 4001, 'Grüße');
        [$event] = $pair->events(Hawser\EVENT_CLOSE);
        same([4001, 'Grüße', 0, true], [$event->code, $event->data, $event->error, is_string($event->text)]);
        thrown(Error::class, fn () => $event->code = 1);
        thrown(Error::class, fn () => $event->other = 1);
        thrown(Error::class, fn () => (new Event())->kind);
        same(11, count((array)$event));
    },
    'arguments are of the very type' => function () {
        $manager = new Manager();
        $calls = [fn ($x) => $manager->poll($x), fn ($x) => $manager->send($x, 1, ''), fn ($x) => $manager->send(1, $x, ''),
            fn ($x) => $manager->setTag(1, $x), fn ($x) => $manager->broadcast(1, $x, 1, '')];
        foreach ($calls as $call) {
            foreach ([null, '1', 1.0, true, [], new stdClass(), STDIN] as $wrong) {
                thrown(TypeError::class, fn () => $call($wrong));
            }
        }
        $calls = [fn ($x) => $manager->connect($x), fn ($x) => $manager->send(1, 1, $x), fn ($x) => $manager->stat($x),
            fn ($x) => $manager->respond(1, 200, null, $x), fn ($x) => (new Options())->setText('origin', $x)];
        foreach ($calls as $call) {
            foreach ([null, 1, 1.0, true, [], new Exception('a Stringable'), STDIN] as $wrong) {
                thrown(TypeError::class, fn () => $call($wrong));
            }
        }
        foreach ([1, 'x', [], new stdClass(), new Manager()] as $wrong) {
            thrown(TypeError::class, fn () => new Manager($wrong));
            thrown(TypeError::class, fn () => $manager->connect('ws://127.0.0.1/', $wrong));
            thrown(TypeError::class, fn () => $manager->respond(1, 200, $wrong, 'x'));
        }
        thrown(TypeError::class, fn () => $manager->sendPart(1, 1, '', 1));
        thrown(TypeError::class, fn () => $manager->close(1, 1000, 5));
    },
    'too few and too many arguments' => function () {
        $manager = new Manager();
        foreach ([[], [1], [1, 1], [1, 1, '', '']] as $arguments) {
            thrown(ArgumentCountError::class, fn () => $manager->send(...$arguments));
        }
        thrown(ArgumentCountError::class, fn () => $manager->accept(1, null, null, null));
        thrown(ArgumentCountError::class, fn () => Hawser\error_name());
        thrown(Error::class, fn () => $manager->poll(timeout_ms: 0));
    },
    'numbers out of range are refused' => function () {
        $manager = new Manager();
        foreach ([1 << 31, -(1 << 31) - 1, 1 << 32, PHP_INT_MAX, PHP_INT_MIN] as $number) {
            thrown(ValueError::class, fn () => $manager->poll($number));
            same(Hawser\ERR_ARGUMENT, thrown(HawserException::class, fn () => $manager->poll(-2))->getCode());
            thrown(ValueError::class, fn () => $manager->send(1, $number, ''));
            thrown(ValueError::class, fn () => Hawser\error_name($number));
            same(Hawser\ERR_STALE, thrown(HawserException::class, fn () => $manager->abort($number))->getCode());
        }
    },
    'a NUL in a text is refused' => function () {
        $manager = new Manager();
        thrown(ValueError::class, fn () => $manager->connect("ws://127.0.0.1/\0"));
        thrown(ValueError::class, fn () => $manager->close(1, 1000, "a\0"));
        thrown(ValueError::class, fn () => (new Options())->setText('origin', "a\0b"));
    },
    'an error has code, name and words' => function () {
        $error = thrown(HawserException::class, fn () => (new Manager())->connect('http://127.0.0.1/'));
        same([Hawser\ERR_URL, 'HWS_ERR_URL', true], [$error->getCode(), $error->getName(), $error instanceof RuntimeException]);
        same(true, str_contains($error->getMessage(), 'ws://'));
        same('HWS_ERR_UNKNOWN', (new HawserException('mine', -1000))->getName());
    },
    'an object that was not constructed' => function () {
        foreach ([unmade(Manager::class), new Unmade()] as $manager) {
            same(Hawser\ERR_ARGUMENT, thrown(HawserException::class, fn () => $manager->poll(0))->getCode());
            same(null, $manager->path(1));
            $manager->free();
            var_export($manager, true);
        }
        same(Hawser\ERR_ARGUMENT, thrown(HawserException::class, fn () => unmade(Options::class)->setInt('parts', 1))->getCode());
        thrown(ValueError::class, fn () => new Manager(unmade(Options::class)));
        unmade(Manager::class)->__construct();
    },
    'an object is constructed once, and not copied' => function () {
        foreach ([new Manager(), new Options()] as $object) {
            thrown(Error::class, fn () => $object->__construct());
            thrown(Error::class, fn () => clone $object);
            thrown(Exception::class, fn () => serialize($object));
            thrown(Exception::class, fn () => unserialize('O:' . strlen($object::class) . ':"' . $object::class . '":0:{}'));
            thrown(Error::class, fn () => $object->thisown = 0);
            thrown(Error::class, fn () => $object->__set('thisown', 0));
            same([], (array)$object);
        }
    },
    'a freed manager answers with an error' => function () {
        $pair = new Pair();
        $pair->manager->free();
        $pair->manager->free();
        $manager = $pair->manager;
        foreach ([fn () => $manager->poll(0), fn () => $manager->send($pair->client, 1, ''), fn () => $manager->wake(),
            fn () => $manager->connect('ws://127.0.0.1/'), fn () => $manager->fd()] as $call) {
            same(Hawser\ERR_ARGUMENT, thrown(HawserException::class, $call)->getCode());
        }
        same(null, $pair->manager->path($pair->client));
    },
    'no descriptor is left, and no memory' => function () {
        (new Pair())->deliver(Hawser\BINARY, 'x');
        [$before, $memory] = [descriptors(), memory_get_usage()];
        for ($i = 0; $i < 20; $i++) {
            (new Pair())->deliver(Hawser\BINARY, str_repeat('x', 100000));
            new Manager(new Options());
        }
        same($before, descriptors());
        same(true, memory_get_usage() < $memory + 50000);
    },
    'options may go at once, and a class may be extended' => function () {
        $options = new class extends Options {
        };
        $options->setInt('max_message_size', 10);
        $manager = new class($options) extends Manager {
        };
        unset($options);
        same([], $manager->poll(0));
    },
    'a signal ends a wait' => function () {
        $manager = new Manager();
        $came = 0;
        pcntl_signal(SIGUSR1, function () use (&$came) {
            $came++;
        });
        $kill = Program::signals(SIGUSR1);
        same([], $manager->poll(-1));
        same(true, $came > 0);
        thrown(DomainException::class, function () use ($manager) {
            throwOnce(SIGUSR1, new DomainException('mine'));
            $manager->poll(-1);
        });
        $kill->stop();
    },
    'a child of fork only frees' => function () {
        $pair = new Pair();
        $child = pcntl_fork();
        if ($child === 0) {
            define('PASSED', true);
            $pair->manager->free();
            (new Pair())->deliver(Hawser\TEXT, 'a manager of its own');
            exit(0);
        }
        pcntl_waitpid($child, $status);
        same(0, $status);
        same('still there', $pair->deliver(Hawser\TEXT, 'still there'));
    },
    'its descriptor is a stream for stream_select' => function () {
        $pair = new Pair();
        $stream = fopen('php://fd/' . $pair->manager->fd(), 'r');
        $select = function () use ($stream) {
            [$readable, $writable, $exceptional] = [[$stream], null, null];
            return stream_select($readable, $writable, $exceptional, 20);
        };
        $pair->manager->poll(0);
        $pair->manager->send($pair->client, Hawser\TEXT, 'hello');
        for ($events = []; !$events;) {
            same(1, $select());
            $events = $pair->manager->poll(0);
        }
        same('hello', $events[0]->data);
        fclose($stream);
        same('again', $pair->deliver(Hawser\TEXT, 'again'));
    },
    'a manager that lives on is freed at the end' => function () {
        $program = '$m = new Hawser\Manager(); $m->listen("ws://127.0.0.1:0/"); $GLOBALS["m"] = $m; exit("end");';
        same('end', (new Program(PHP_BINARY, '-d', 'extension=' . ini('extension'), '-r', $program))->end());
    },
    'the stub is what the extension is' => function () {
        $extension = new ReflectionExtension('hawser');
        $there = described($extension->getClasses(), $extension->getFunctions(), get_defined_constants(true)['hawser']);
        same(true, count($there) > 100);
        same($there, describedStub());
    },
    'nothing of SWIG is to be seen' => function () {
        $all = [...get_declared_classes(), ...get_declared_interfaces(), ...array_keys(get_defined_constants(true)['hawser'])];
        same([], preg_grep('/swig/i', $all));
        same([], class_implements(new Manager()));
        same(Hawser\version(), phpversion('hawser'));
    },
]);
