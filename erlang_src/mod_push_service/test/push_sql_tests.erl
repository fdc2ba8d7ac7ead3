%% What a database's failure says of the next request, and what of it may be logged.
-module(push_sql_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TOKEN, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef").

trouble_test_() ->
    Rows =
        [{"nobody took it", {error, given_up}, away},
         {"the driver waited in vain", {aborted, <<"query timed out">>}, away},
         {"the connection broke", {error, <<"connection closed">>}, away},
         {"the connections' processes are gone", {aborted, {error, noproc}}, away},
         {"the queue before the connection is full",
          {error, <<"SQL request queue is overfilled">>}, away},
         {"PostgreSQL is stopping", {error, [{severity, 'FATAL'}, {code, <<"57P01">>}]}, away},
         {"SQLite has no table", {error, "no such table: push_device"}, no_table},
         {"PostgreSQL has no table",
          {error, <<"relation \"push_device\" does not exist">>}, no_table},
         {"MariaDB has no table",
          {aborted, "#42S02Table 'ejabberd.push_device' doesn't exist"}, no_table},
         {"a value is refused", {aborted, <<"Data too long for column 'username'">>}, none},
         {"two waited for one another", {aborted, <<"Deadlock found">>}, none},
         {"a condition crashed", {aborted, crashed}, none}],
    [{Name, ?_assertEqual(Expected, push_sql:trouble(Failure))}
     || {Name, Failure, Expected} <- Rows].

no_token_passes_test() ->
    Event = event(#{push_sql => true}, {"SQL query '~ts' failed: ~p",
                                        [<<"select '", ?TOKEN, "' from 'ü'"/utf8>>, closed]}),
    #{msg := {string, Text}} = push_sql:redact(Event, []),
    ?assertEqual("SQL query 'select '01234567...' from 'ü'' failed: closed", Text).

what_cannot_be_read_is_not_logged_and_the_filter_goes_on_test() ->
    #{msg := {string, Text}} = push_sql:redact(event(#{push_sql => true}, {"~s", nonsense}), []),
    ?assertEqual("What push devices in SQL have to say cannot be shown", Text).

what_others_log_is_left_alone_test() ->
    ?assertEqual(ignore, push_sql:redact(event(#{}, {"~s", [?TOKEN]}), [])).

event(Meta, Msg) ->
    #{level => error, meta => Meta#{time => 0}, msg => Msg}.
