// A client in the event loop of Qt: qt_client ws://127.0.0.1:9001/
#include <QAbstractEventDispatcher>
#include <QCoreApplication>
#include <QSocketNotifier>
#include <QTimer>

#include "client.h"

int main(int argc, char **argv) {
  QCoreApplication application(argc, argv);
  client client;
  int fd = client_open(&client, argc > 1 ? argv[1] : "ws://127.0.0.1:9001/");
  if (fd < 0) return 1;

  QSocketNotifier readable(fd, QSocketNotifier::Read);
  QObject::connect(&readable, &QSocketNotifier::activated, [&client] {
    client_attend(&client);
    if (client.over) QCoreApplication::quit();
  });
  auto flush = [&client] { client_flush(&client); };
  QAbstractEventDispatcher *dispatcher = QAbstractEventDispatcher::instance();
  QObject::connect(dispatcher, &QAbstractEventDispatcher::aboutToBlock, flush);
  QObject::connect(dispatcher, &QAbstractEventDispatcher::awake, flush);  // a turn that does not block
  QTimer timer;
  QObject::connect(&timer, &QTimer::timeout, [&client] { client_tick(&client); });
  timer.start(100);
  QCoreApplication::exec();

  readable.setEnabled(false);  // before its descriptor is closed
  return client_close(&client);
}
