/* The lists are intrusive, so that moving a connection from state to state cannot fail. */
#include "http/connection.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void connection_list_insert(struct connection_list *list, struct connection *connection)
{
    struct connection *before = list->last;
    while (before != NULL && before->due > connection->due) {
        before = before->prev;
    }
    struct connection *after = before != NULL ? before->next : list->first;
    connection->prev = before;
    connection->next = after;
    *(before != NULL ? &before->next : &list->first) = connection;
    *(after != NULL ? &after->prev : &list->last) = connection;
    list->count++;
}

void connection_list_remove(struct connection_list *list, struct connection *connection)
{
    *(connection->prev != NULL ? &connection->prev->next : &list->first) = connection->next;
    *(connection->next != NULL ? &connection->next->prev : &list->last) = connection->prev;
    connection->prev = NULL;
    connection->next = NULL;
    list->count--;
}

void connection_queue_push(struct connection_queue *queue, struct connection *connection)
{
    connection->next_job = NULL;
    *(queue->last != NULL ? &queue->last->next_job : &queue->first) = connection;
    queue->last = connection;
}

struct connection *connection_queue_pop(struct connection_queue *queue)
{
    struct connection *connection = queue->first;
    if (connection != NULL) {
        queue->first = connection->next_job;
        queue->last = queue->first != NULL ? queue->last : NULL;
    }
    return connection;
}

struct connection *connection_new(int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->fd = fd;
    connection->lib_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (connection->lib_fd < 0) {
        free(connection);
        return NULL;
    }
    return connection;
}

void connection_free(struct connection *connection)
{
    if (connection->lib_fd >= 0) {
        close(connection->lib_fd);
    }
    close(connection->fd);
    free(connection);
}
